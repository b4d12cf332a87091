"""Answers and logs requests that gunicorn cannot read, and failures outside of the application.

gunicorn's own handler logs the client's address and the faulty part of the request, which may be a query, a draft or a
key. This one logs only the kind of error and its place in the program.
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
    errors.InvalidResponseHeader: _FAILED,  # the application's error, though its class is a subclass of clients' errors
    errors.InvalidResponseHeaderName: _FAILED,
    errors.LimitRequestLine: (414, "URI Too Long"),
    errors.LimitRequestHeaders: (431, "Request Header Fields Too Large"),
    errors.ExpectationFailed: (417, "Expectation Failed"),
    errors.UnsupportedTransferCoding: (501, "Not Implemented"),
    errors.ForbiddenProxyRequest: (403, "Forbidden"),
    errors.ParseException: _BAD,
}
"""The kinds of errors, special ones before general ones."""


def refuse(client: socket, error: BaseException) -> None:
    """Answer a request that led to an error, and log only the error's kind.

    :param client: The connection, which may be lost.
    """
    status, reason = next((told for kind, told in _ANSWERS.items() if isinstance(error, kind)), _FAILED)
    if status == _FAILED[0]:
        logger.error("answering a request failed\n%s", logs.stack(error))
    else:
        logger.warning("a request that cannot be read: %s, answered by %d", type(error).__name__, status)
    with suppress(OSError):
        util.write_error(client, status, reason, "")
