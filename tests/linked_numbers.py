"""Numbers on pages that lead to the judgments behind them."""

import re
from html import unescape

from django.test import Client
from django.urls import reverse

from annotator.models import Project


def linked_numbers(client: Client, project: Project, html: str) -> list[tuple[int, int]]:
    """Each number with a link to the browser, and how many judgments that finds."""
    address = re.escape(reverse("browse-judgments", args=[project.slug]))
    found = []
    for link, number in re.findall(rf'<a[^>]* href="({address}[^"]*)"[^>]*>\s*([\d,]+)\s*</a>', html):
        page = client.get(unescape(link))
        assert page.status_code == 200 and page.context["form"].is_valid(), link
        found.append((int(number.replace(",", "")), page.context["count"]))
    return found
