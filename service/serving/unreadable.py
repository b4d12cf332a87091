"""What is answered, and logged, where gunicorn cannot read a request or fails outside of the application.

gunicorn's own handler writes the sender's address and the part of the request that is wrong into the log, and that part
may be a query, a draft or a key. Here the log says which kind of fault it was, and where in the program.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from socket import socket

from gunicorn import util
from gunicorn.http import errors

from service.observing import logs

logger = logging.getLogger(__name__)

_BAD, _FAILED = (400, "Bad Request"), (500, "Internal Server Error")
_ANSWERS: dict[type[Exception], tuple[int, str]] = {
    errors.InvalidResponseHeader: _FAILED,  # the application's fault, though its class is a kind of the sender's
    errors.InvalidResponseHeaderName: _FAILED,
    errors.LimitRequestLine: (414, "URI Too Long"),
    errors.LimitRequestHeaders: (431, "Request Header Fields Too Large"),
    errors.ExpectationFailed: (417, "Expectation Failed"),
    errors.UnsupportedTransferCoding: (501, "Not Implemented"),
    errors.ForbiddenProxyRequest: (403, "Forbidden"),
    errors.ParseException: _BAD,
}
"""Kinds of faults, the special before the general."""


def refuse(client: socket, error: BaseException) -> None:
    """Answer a request that led to an error, and log no more of it than the error's kind.

    :param client: The connection, which may be lost.
    """
    status, reason = next((told for kind, told in _ANSWERS.items() if isinstance(error, kind)), _FAILED)
    if status == _FAILED[0]:
        logger.error("answering a request failed\n%s", logs.stack(error))
    else:
        logger.warning("a request that cannot be read: %s, answered by %d", type(error).__name__, status)
    with suppress(OSError):
        util.write_error(client, status, reason, "")
