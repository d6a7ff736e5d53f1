"""How a line of the log is written, and what it leaves out."""

import json
import logging
from datetime import UTC, datetime

from django.http import HttpRequest

from annotator.sign_in.secret_links import hide_secrets


class Handler(logging.StreamHandler):
    """Writes lines, with their tracebacks, without the secrets of links, forms and headers."""

    def format(self, record: logging.LogRecord) -> str:
        request = getattr(record, "request", None)
        return hide_secrets(super().format(record), request if isinstance(request, HttpRequest) else None)


class JSONFormatter(logging.Formatter):
    """One JSON object a line: time, level, logger, message, and the traceback of an error.

    Not what else a record carries: Django's has the whole request, and so addresses that are secret.
    """

    def format(self, record: logging.LogRecord) -> str:
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False)
