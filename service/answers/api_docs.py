"""The OpenAPI document in the form of the documentation's page: by tag, references resolved, examples as commands.

Knows nothing of Flask or of the page's layout.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import quote, urlencode

from service.answers import openapi
from service.answers.endpoints import LINES, TAGS, Endpoint, Example, endpoints_of
from service.extras import EXTRAS, Extra

KEY = "Authorization: Bearer $KEY"
"""The header with which a command sends a key; the shell inserts the key."""


@dataclass(frozen=True)
class Operation:
    """One operation of the document, with the references in its answers resolved."""

    endpoint: Endpoint
    described: Mapping[str, Any]
    answers: Mapping[str, Any]


@dataclass(frozen=True)
class OperationGroup:
    """The operations of one tag."""

    name: str
    description: str
    operations: tuple[Operation, ...]


@cache
def groups(extras: tuple[Extra, ...] = EXTRAS) -> tuple[OperationGroup, ...]:
    """Return every operation of a service with these optional parts, by tag."""
    document = openapi.document(extras)
    found = [_operation(one, document) for one in endpoints_of(extras)]
    return tuple(
        OperationGroup(name, words, tuple(one for one in found if one.endpoint.tag == name))
        for name, words in TAGS.items()
    )


def _operation(one: Endpoint, document: Mapping[str, Any]) -> Operation:
    described = document["paths"][one.path][one.method]
    responses = {status: _followed(response, document) for status, response in described["responses"].items()}
    return Operation(one, described, responses)


def _followed(part: Mapping[str, Any], document: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return a part of the document, or the part that it refers to."""
    found: Any = document
    if "$ref" not in part:
        return part
    for name in part["$ref"].split("/")[1:]:
        found = found[name]
    return found  # type: ignore[no-any-return]


def curl(service: str, one: Endpoint, example: Example) -> str:
    """Return a command for a shell that sends an example.

    :param service: The service's address, such as `https://tim.bao.example/`.
    """
    path = one.path.replace("{id}", quote(example.article_id or "", safe=""))
    query = f"?{urlencode(example.query)}" if example.query else ""
    words = ["curl"] if one.method == "get" else ["curl", "-X", one.method.upper()]
    lines = [shlex.join([*words, service.rstrip("/") + path + query])]
    if one.scope is not None:
        lines.append(f'-H "{KEY}"')
    if example.body is not None:
        lines += [shlex.join(["-H", f"Content-Type: {one.body_media}"]), f"--data-binary {_body(one, example.body)}"]
    return " \\\n  ".join(lines)


def _body(one: Endpoint, body: Any) -> str:
    lines = body if one.body_media == LINES else [body]
    return shlex.quote("\n".join(json.dumps(line, ensure_ascii=False) for line in lines))
