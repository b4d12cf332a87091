"""The exceptions of this floor; each becomes one problem document.

ServiceError
├── BadRequest         400: a parameter or field is not as expected
├── NotFound           404: no public article of that id or URL
├── NothingToCompare   422: no article of the archive can be compared (the command line's alone)
└── NotReady           503: no snapshot or no encoder yet
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class FieldError:
    """One fault of a request.

    :param field: The parameter or field, dotted within a body.
    :param value: What was received, shortened.
    :param expected: What was expected.
    """

    field: str
    value: str
    expected: str

    def as_json(self) -> dict[str, Any]:
        """Return the fault as plain values."""
        return asdict(self)


class ServiceError(Exception):
    """What is answered instead of a result.

    :param detail: One sentence for whoever made the request.
    :param errors: The faults, field by field.
    """

    status = 500
    title = "Internal error"

    def __init__(self, detail: str, errors: list[FieldError] | None = None) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []


class BadRequest(ServiceError):
    """A parameter or field is not as expected."""

    status = 400
    title = "Bad request"

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__("; ".join(f"{e.field}: {e.value}: {e.expected}" for e in errors), errors)


class NotFound(ServiceError):
    """There is no public article of that id or URL."""

    status = 404
    title = "Not found"

    def __init__(self, field: str, value: str) -> None:
        expected = "expected the id of a public article" if "url" not in field else "expected a public article's URL"
        super().__init__(f"{field}: {value}: {expected}", [FieldError(field, value, expected)])


class NotReady(ServiceError):
    """The service has no snapshot or no encoder yet; the detail says which."""

    status = 503
    title = "Not ready"


class NothingToCompare(ServiceError):
    """No article of the archive can be compared; the detail says what is missing."""

    status = 422
    title = "Nothing to compare"
