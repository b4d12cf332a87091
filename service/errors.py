"""The exceptions of this floor; each becomes one problem document.

ServiceError
├── BadRequest         400: a parameter or field is not as expected
├── Unauthorized       401: no valid key
├── Forbidden          403: not with this key, or not from there
├── SignedOut          403: a page of the newsroom, without a session
├── NoKeyYet           403: a page of the newsroom, before any key for signing in was made
├── StaleForm          403: a form of another session
├── WrongKey           403: a key that does not allow signing in
├── SignOnRefused      403: sign-in through the newsroom's provider failed
├── NotFound           404: no public article of that id or URL
├── TooSlow            408: the body did not come in time
├── TakenDown          409: the article was taken down and may not come back
├── Changed            409: the thing to change was changed meanwhile
├── PackedBody         415: a compressed body
├── Unprocessable      422: the parts of a request contradict each other
├── CannotWrite        503: a change cannot be made durable
├── NotRecorded        503: the audit log cannot be written or read
├── NothingToCompare   422: no article of the archive can be compared (command line only)
├── TooMany            429: more requests than allowed
├── NotReady           503: no snapshot or no encoder yet, or the key store cannot be used
├── Overloaded         503: more requests than can be answered
└── TimedOut           503: the request took longer than it may
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

SignOnReason = Literal["stale", "declined", "token", "strength", "role", "unreachable"]


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


def _sentence(errors: list[FieldError]) -> str:
    return "; ".join(f"{e.field}: {e.value}: {e.expected}" for e in errors)


class ServiceError(Exception):
    """The base of this floor's exceptions: an answer instead of a result.

    :param detail: One sentence for the client.
    :param errors: The faults, field by field.
    :param headers: Further headers of the answer.
    """

    status = 500
    title = "Internal error"
    retry_after: int | None = None
    """Seconds after which the same request may succeed, if that is known."""

    def __init__(
        self, detail: str, errors: list[FieldError] | None = None, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(detail)
        self.detail = detail
        self.errors = errors or []
        self.headers = headers or {}


class BadRequest(ServiceError):
    """A parameter or field is not as expected."""

    status = 400
    title = "Bad request"

    def __init__(self, errors: list[FieldError]) -> None:
        super().__init__(_sentence(errors), errors)


class Unauthorized(ServiceError):
    """The request has no valid key.

    :param error: The error code of RFC 6750, None if no key was sent.
    :param reason: The reason in a word or two, for the audit log.
    :param key_id: The id of the key sent, None if it is unknown.
    """

    status = 401
    title = "Unauthorized"

    def __init__(
        self, fault: FieldError, error: str | None = None, reason: str = "no key", key_id: str | None = None
    ) -> None:
        self.reason, self.key_id = reason, key_id
        challenge = 'Bearer realm="lienquan"' + (f', error="{error}"' if error else "")
        super().__init__(_sentence([fault]), [fault], {"WWW-Authenticate": challenge})


class Forbidden(ServiceError):
    """The request may not do this, with this key or from where it comes.

    :param challenge: The challenge of RFC 6750, None if the refusal is not about a key.
    :param reason: The reason in a word or two, for the audit log.
    :param key_id: The id of the key sent, None if it was not looked up.
    """

    status = 403
    title = "Forbidden"

    def __init__(
        self,
        errors: list[FieldError],
        challenge: str | None = None,
        reason: str = "not allowed",
        key_id: str | None = None,
    ) -> None:
        self.reason, self.key_id = reason, key_id
        headers = {"WWW-Authenticate": f'Bearer realm="lienquan", {challenge}'} if challenge else {}
        super().__init__(_sentence(errors), errors, headers)


class SignedOut(ServiceError):
    """A page of the newsroom was requested without a session, or with one that has ended."""

    status = 403
    title = "Signed out"


class NoKeyYet(ServiceError):
    """A page of the newsroom was requested before any key for signing in was made."""

    status = 403
    title = "No key yet"

    def __init__(self) -> None:
        super().__init__(
            "there is no key of scope newsroom yet: expected one to sign in with, as `lienquan keys create "
            "--scope newsroom --name NAME --home HOME` makes it on the server"
        )


class StaleForm(ServiceError):
    """A form of the newsroom does not belong to this session."""

    status = 403
    title = "Stale form"


class WrongKey(ServiceError):
    """A key does not allow signing in to the newsroom's pages."""

    status = 403
    title = "Wrong key"


class SignOnRefused(ServiceError):
    """A sign-in through the newsroom's provider is refused.

    :param reason: `stale`: this browser did not begin the sign-in, or it is used a second time; `declined`: by the
        provider or the person; `token`: the provider's answer is invalid; `strength`: the sign-in there was weaker than
        required; `role`: the person has no role in the newsroom; `unreachable`: the provider does not answer.
    :param detail: For the log; it holds no secret.
    """

    status = 403
    title = "Not signed in"

    def __init__(self, reason: SignOnReason, detail: str) -> None:
        super().__init__(detail)
        self.reason = reason


class TooMany(ServiceError):
    """There were more requests than allowed; the same one may be sent again later.

    :param seconds: Seconds until then.
    """

    status = 429
    title = "Too many requests"

    def __init__(self, fault: FieldError, seconds: int) -> None:
        super().__init__(_sentence([fault]), [fault], {"Retry-After": str(max(1, seconds))})


class NotFound(ServiceError):
    """There is no public article of that id or URL."""

    status = 404
    title = "Not found"

    def __init__(self, field: str, value: str) -> None:
        expected = "expected the id of a public article" if "url" not in field else "expected a public article's URL"
        super().__init__(f"{field}: {value}: {expected}", [FieldError(field, value, expected)])


class NotReady(ServiceError):
    """The service has no snapshot or no encoder yet, or cannot use its store of keys; the detail says which."""

    status = 503
    title = "Not ready"
    retry_after = 5


class TooSlow(ServiceError):
    """The body of a request did not come in time."""

    status = 408
    title = "Request timeout"

    def __init__(self) -> None:
        super().__init__("body: not all of it: expected a whole body within the time that it has")


class Overloaded(ServiceError):
    """There are more requests than can be answered."""

    status = 503
    title = "Too many requests at once"
    retry_after = 2

    def __init__(self) -> None:
        super().__init__("the service has more requests than it can answer: try again in a moment")


class TimedOut(ServiceError):
    """The request took longer than a request may."""

    status = 503
    title = "Took too long"
    retry_after = 5

    def __init__(self, seconds: float, stage: str) -> None:
        super().__init__(f"request_seconds: {seconds:g}: the request had taken longer before its {stage}")


class NothingToCompare(ServiceError):
    """No article of the archive can be compared; the detail says what is missing."""

    status = 422
    title = "Nothing to compare"


class TakenDown(ServiceError):
    """The article was taken down and may not come back until that is lifted."""

    status = 409
    title = "Taken down"

    def __init__(self, value: str) -> None:
        expected = "expected an article that was not taken down"
        super().__init__(f"id: {value}: {expected}", [FieldError("id", value, expected)])


class Changed(ServiceError):
    """The thing to change was changed by somebody else meanwhile."""

    status = 409
    title = "Changed meanwhile"

    def __init__(self, fault: FieldError) -> None:
        super().__init__(_sentence([fault]), [fault])


class PackedBody(ServiceError):
    """A body is compressed. It is refused, since unpacking would let the sender decide how much memory it takes."""

    status = 415
    title = "Unsupported media type"

    def __init__(self, encoding: str) -> None:
        fault = FieldError("Content-Encoding", encoding, "expected a body as it is, not packed")
        super().__init__(_sentence([fault]), [fault], {"Accept-Encoding": "identity"})


class Unprocessable(BadRequest):
    """The parts of a request are valid, but contradict each other."""

    status = 422
    title = "Unprocessable"


class CannotWrite(ServiceError):
    """A change cannot be made durable, so nothing was written."""

    status = 503
    title = "Cannot write"


class NotRecorded(ServiceError):
    """The audit log cannot be used, so the action to be recorded was not done."""

    status = 503
    title = "Not recorded"
    retry_after = 5
