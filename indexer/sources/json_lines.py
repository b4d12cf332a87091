"""JSON Lines: one article a line, UTF-8."""

from __future__ import annotations

import json
from collections.abc import Iterator

from indexer.sources.reading import BadLine, Reading
from indexer.sources.stream import Stream

_BOM = b"\xef\xbb\xbf"


def read(stream: Stream) -> Iterator[Reading | BadLine]:
    """Yield a reading for each line that holds a JSON object, and a bad line for any other; skip blank lines."""
    for line in stream.lines():
        if isinstance(line, BadLine):
            yield line
            continue
        number, raw = line
        raw = raw.removeprefix(_BOM).strip() if number == 1 else raw.strip()
        if raw:
            yield _reading(number, raw)


def _reading(number: int, raw: bytes) -> Reading | BadLine:
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError as error:
        return BadLine(number, raw.decode("utf-8", "replace"), f"expected UTF-8, found byte {raw[error.start]:#04x}")
    try:
        fields = json.loads(text, parse_constant=_no_constant)
    except RecursionError:
        return BadLine(number, text, "expected JSON nested less deeply")
    except ValueError as error:
        return BadLine(number, text, f"expected a JSON object: {error}")
    if not isinstance(fields, dict):
        return BadLine(number, text, f"expected a JSON object, found {type(fields).__name__}")
    return Reading(number, fields)


def _no_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
