"""Compresses responses."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.middleware.gzip import GZipMiddleware


class PageCompressionMiddleware(GZipMiddleware):
    """Compresses what is made for one request: pages, and what the API answers.

    Files are sent as they are, so that their length stays known; static ones never come here, because
    WhiteNoise has them compressed since they were collected. Django adds a random number of bytes to each
    answer, so that its length tells nobody what is secret in it (BREACH).
    """

    def process_response(self, request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
        return response if response.streaming else super().process_response(request, response)
