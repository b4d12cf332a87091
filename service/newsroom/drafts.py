"""The newsroom's draft page: who may see it before there are keys, and what its form holds.

Knows nothing of Flask, nor of how related articles are found. What a form holds is confidential: it is handed on and
forgotten.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from ipaddress import IPv6Address, ip_address
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from indexer.article import shown
from service.errors import BadRequest, FieldError
from service.ranking.presets import FreshnessName, PresetName
from service.schemas import Draft, RelatedBody, Seed, parse_params
from service.security.access import Header, foreign

EMPTY = FieldError("draft", "nothing", "expected a title, a lead or a body")
"""What is wrong with a form that was sent as it came."""

SAFE = {"GET", "HEAD", "OPTIONS"}
"""Methods that change nothing."""

_PROXIED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-Real-IP", "Via")
_LOCAL = re.compile(r"(localhost|127\.0\.0\.1|\[::1\])(:[0-9]{1,5})?", re.IGNORECASE)


def refusal(method: str, peer: str | None, protocol: str | None, header: Header) -> FieldError | None:
    """Return why a request may not have a newsroom page before there are keys to sign in with, None where it may.

    Only a browser on this machine may. The peer's address alone does not tell: behind a proxy on this machine every
    reader has a loopback address, and a site that has its name resolve to 127.0.0.1 (DNS rebinding) makes an editor's
    own browser ask, which the Host header gives away. What another site has the browser send is told by Origin and
    Sec-Fetch-Site.

    :param peer: The address at the other end of the connection, whatever a header says of it.
    :param protocol: Of the request: no browser speaks HTTP/1.0 any more, proxies do.
    """
    if not _loopback(peer):
        return FieldError("peer", shown(peer), "expected an address of this machine")
    if protocol == "HTTP/1.0":
        return FieldError("protocol", shown(protocol), "expected no proxy in between")
    for name in _PROXIED:
        if (value := header(name)) is not None:
            return FieldError(name, shown(value), "expected no proxy in between")
    host = header("Host") or ""
    if not _LOCAL.fullmatch(host):
        return FieldError("Host", shown(host), "expected localhost, 127.0.0.1 or [::1]")
    return None if method in SAFE else foreign(header)


def _loopback(peer: str | None) -> bool:
    try:
        address = ip_address(peer or "")
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return (mapped or address).is_loopback


class DraftForm(BaseModel):
    """What the form holds, field by field; a choice that was not made is empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[str, Field(max_length=2000)] = ""
    lead: Annotated[str, Field(max_length=20_000)] = ""
    body: str = ""
    format: Literal["text", "html"] = "text"
    section: Annotated[str, Field(max_length=512)] = ""
    preset: PresetName = "standard"
    freshness: Annotated[FreshnessName | None, BeforeValidator(lambda value: value or None)] = None

    def request(self) -> RelatedBody:
        """Return the request that the form makes.

        :raises BadRequest: if there is no draft.
        """
        text = {"body_html" if self.format == "html" else "body": self.body}
        try:
            draft = Draft(title=self.title, lead=self.lead, section=self.section, **text)
        except ValidationError:
            raise BadRequest([EMPTY]) from None
        seed = Seed(article=draft)
        return RelatedBody(seed=seed, preset=self.preset, freshness=self.freshness, explain=True)


def parse(given: Mapping[str, Sequence[str]]) -> RelatedBody:
    """Return the request that a form's fields make.

    :param given: Every value of every field.
    :raises BadRequest: naming what is not as expected.
    """
    return parse_params(DraftForm, given).request()


def filled_in(given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return what stands in each field of the form, sound or not, so that nothing typed is lost."""
    return {name: (given.get(name) or [field.default or ""])[0] for name, field in DraftForm.model_fields.items()}
