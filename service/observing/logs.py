"""The log of a running service: an object of JSON a line, or text for people. Set up where the program starts.

A line of a request has its id, method, path template, status and milliseconds; never an address, a query, a body or a
key.
"""

from __future__ import annotations

import json
import logging
import sys
from datetime import UTC, datetime
from functools import lru_cache
from typing import Literal

from service.observing import tracing

FLOORS = ("models", "indexer", "service")
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""What machines ask every few seconds: in the log only where the answer is not 200."""

_encode = json.JSONEncoder(ensure_ascii=False).encode
_ACCESS = "service.access"
_access = logging.getLogger(_ACCESS)


class JsonFormatter(logging.Formatter):
    """Writes a record as one line of JSON, with the id of the request that it belongs to."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the line."""
        line = {
            "time": f"{_second(int(record.created))}.{int(record.msecs):03d}+00:00",
            "level": record.levelname,
            "logger": record.name,
            "pid": record.process,
            "message": record.getMessage(),
        }
        trace = tracing.current()
        if trace is not None:
            line["request_id"] = trace.request_id
        line.update(getattr(record, "fields", {}))
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return _encode(line)


@lru_cache(maxsize=2)
def _second(second: int) -> str:
    return datetime.fromtimestamp(second, UTC).strftime("%Y-%m-%dT%H:%M:%S")


def is_json(form: Literal["auto", "json", "text"]) -> bool:
    """Return whether a log of this form on stderr is JSON."""
    return form == "json" or (form == "auto" and not sys.stderr.isatty())


def configure(form: Literal["auto", "json", "text"]) -> None:
    """Have all that this process and its libraries log written to stderr in one form; levels stay as they are."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if is_json(form) else logging.Formatter(TEXT))
    logging.getLogger().handlers[:] = [handler]


def served(request_id: str, method: str, template: str, status: int, seconds: float) -> None:
    """Log a request that has been answered.

    :param template: The path with names instead of values, so that no id or query is in the log.
    """
    if (template in QUIET and status == 200) or not _access.isEnabledFor(logging.INFO):
        return
    ms = round(seconds * 1000, 2)
    record = logging.LogRecord(_ACCESS, logging.INFO, "", 0, "%s %s %d %s ms", (method, template, status, ms), None)
    record.fields = {"request_id": request_id, "method": method, "path": template, "status": status, "ms": ms}
    _access.handle(record)
