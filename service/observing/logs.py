"""The log of a running service: JSON Lines, or text for people. Set up where the program starts.

A request's line has its id, method, path template, status and milliseconds, and never an address, a query, a body or a
key. For an exception during a request, only its kind and place are logged, since its message may quote these.
"""

from __future__ import annotations

import json
import logging
import sys
import traceback
from datetime import UTC, datetime
from functools import lru_cache
from types import TracebackType
from typing import Literal

from service.observing import tracing

FLOORS = ("models", "indexer", "service")
TEXT = "%(asctime)s %(levelname)s %(name)s: %(message)s"
QUIET = frozenset({"/healthz", "/readyz", "/metrics"})
"""Endpoints that machines request every few seconds; logged only if the answer is not 200."""

_encode = json.JSONEncoder(ensure_ascii=False).encode
_ACCESS = "service.access"
_access = logging.getLogger(_ACCESS)


def stack(error: BaseException) -> str:
    """Return the kind and place of an exception and of its causes, without their messages."""
    parts: list[str] = []
    seen: set[int] = set()
    behind: BaseException | None = error
    while behind is not None and id(behind) not in seen:
        seen.add(id(behind))
        kind = type(behind)
        places = "".join(traceback.format_tb(behind.__traceback__))
        parts.append(f"Traceback (most recent call last):\n{places}{kind.__module__}.{kind.__qualname__}")
        behind = behind.__cause__ or (None if behind.__suppress_context__ else behind.__context__)
    return "\n\nled to\n\n".join(reversed(parts))


class TextFormatter(logging.Formatter):
    """Writes a record for people."""

    def __init__(self) -> None:
        super().__init__(TEXT)

    def formatException(
        self, ei: tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]
    ) -> str:
        """Return an exception as text; during a request, without its message."""
        return super().formatException(ei) if ei[1] is None or tracing.current() is None else stack(ei[1])


class JsonFormatter(TextFormatter):
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
    """Write all logs of this process and its libraries to stderr in one form. Levels stay unchanged."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(JsonFormatter() if is_json(form) else TextFormatter())
    logging.getLogger().handlers[:] = [handler]


def served(request_id: str, method: str, template: str, status: int, seconds: float) -> None:
    """Log an answered request.

    :param template: The path with names instead of values, so that no id or query is in the log.
    """
    if (template in QUIET and status == 200) or not _access.isEnabledFor(logging.INFO):
        return
    ms = round(seconds * 1000, 2)
    record = logging.LogRecord(_ACCESS, logging.INFO, "", 0, "%s %s %d %s ms", (method, template, status, ms), None)
    record.fields = {"request_id": request_id, "method": method, "path": template, "status": status, "ms": ms}
    _access.handle(record)
