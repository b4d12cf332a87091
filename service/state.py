"""What the running application holds, as the views of the API and of pages get at it.

`service.app` puts it there. Beside it stands what each view does with an answer: counting it, hiding what is not for
readers. Knows no address and no page.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol, cast

from flask import Response, current_app, request

from indexer.articles.article import Article
from indexer.articles.summaries import Summary
from service.extras import Extra
from service.hits import Answer, Hit
from service.live import Live
from service.observing.latency import RecentLatency
from service.observing.metrics import metrics
from service.observing.query_log import QueryLog
from service.ranking.presets import is_fallback
from service.reader.front_page import FrontPages
from service.schemas import RelatedBody, SearchParams
from service.searcher import Searcher
from service.security import addresses
from service.security.audit import AuditLog
from service.security.gate import Doorkeeper
from service.security.keys import KeyStore
from service.security.sign_on import SignOn
from service.serving.admission import Admission
from service.settings import Settings
from service.wording.newsroom import Tab, WordsWithTabs
from service.wording.strings import Strings

CLICKS = "clicks"
COMPARING = "lienquan_comparing"
KEPT_FORMS = "lienquan_kept_forms"
MOST_READ = "lienquan_most_read"
TABS = "lienquan_tabs"
"""The keys, in an application's extensions, of what optional parts add (`service.extras`)."""

EXTRAS = "lienquan_extras"
SIGNING = "lienquan_signing"
"""The keys of what they need: the parts that the application has; a function that returns the signing secret."""


class ListCounter(Protocol):
    """What counts the related lists that are given."""

    def depends(self) -> str:
        """Return what an answer depends on in addition, for its ETag."""
        ...

    def related(self, searcher: Searcher, body: RelatedBody) -> tuple[Answer, str | None]:
        """Return the list under one published article, and its token, None if it is not counted.

        :raises NotFound: naming the seed that is not a public article.
        """
        ...


def live() -> Live:
    """Return the process's holder of the current snapshot."""
    return cast(Live, current_app.extensions["lienquan"])


def settings() -> Settings:
    """Return the service's settings."""
    return cast(Settings, current_app.config["SETTINGS"])


def latency() -> RecentLatency:
    """Return the record of the durations of requests in the last minutes."""
    found: RecentLatency = current_app.extensions["lienquan_latency"]
    return found


def front_pages() -> FrontPages:
    """Return what the home page shows."""
    return cast(FrontPages, current_app.extensions["lienquan_front_pages"])


def keys() -> KeyStore:
    """Return the store of keys."""
    return cast(KeyStore, current_app.extensions["lienquan_keys"])


def gate() -> Doorkeeper:
    """Return who lets in to the newsroom's pages."""
    return cast(Doorkeeper, current_app.extensions["lienquan_gate"])


def audit() -> AuditLog:
    """Return the audit log."""
    return cast(AuditLog, current_app.extensions["lienquan_audit"])


def sign_on() -> SignOn | None:
    """Return how people sign in through the newsroom's provider, None where it has none."""
    return cast("SignOn | None", current_app.extensions["sign_on"])


def admission() -> Admission:
    """Return who lets requests in."""
    return cast(Admission, current_app.extensions["admission"])


def clicks() -> ListCounter | None:
    """Return what counts related lists, None where they are not counted."""
    return cast("ListCounter | None", current_app.extensions.get(CLICKS))


def extras() -> tuple[Extra, ...]:
    """Return the optional parts that the application has."""
    return cast("tuple[Extra, ...]", current_app.extensions[EXTRAS])


def comparing() -> Callable[[Searcher, Article, str, Strings], dict[str, Any]] | None:
    """Return what sets the newest of the section beside a block, None where nothing does."""
    return cast("Callable[..., dict[str, Any]] | None", current_app.extensions.get(COMPARING))


def kept_forms() -> set[str]:
    """Return the endpoints of optional parts that show a refused form again, as it was typed."""
    return cast("set[str]", current_app.extensions[KEPT_FORMS])


def tabs(code: str) -> dict[str, Tab]:
    """Return what parts add to the newsroom's menu, in a language: each page by its endpoint."""
    added: list[type[WordsWithTabs]] = current_app.extensions[TABS]
    return {endpoint: tab for words in added for endpoint, tab in words.in_language(code).tabs.items()}


def as_json(value: Any) -> Response:
    """Return a value as a JSON response, letters as they are."""
    return Response(current_app.json.dumps(value), mimetype="application/json")


def visible(article: Article | Summary) -> Article:
    """Return the article as readers may see it: without its text if bodies are not exposed.

    Unknown fields from the source are left out too, since they may hold the text under another name.

    :raises ValueError: if it is a summary.
    """
    if isinstance(article, Summary):
        raise ValueError(f"article: a summary of {article.id!r}: expected the whole article")
    hidden: dict[str, Any] = {"body": None, "body_html": None, "extra": {}}
    return article if settings().expose_body else article.model_copy(update=hidden)


def note(params: SearchParams, answer: Answer) -> None:
    """Count a search without hits. Log the query, if there is a query log: only for the first page without filters."""
    if not answer.total:
        metrics().empty("search")
    kept: QueryLog | None = current_app.extensions.get("query log")
    if kept is not None and params.q is not None and not params.offset and not params.filters():
        kept.note(params.q, answer.total, addresses.client(request.remote_addr))


def count_related(hits: Sequence[Hit]) -> None:
    """Count a list that is empty, and articles that only fill one up."""
    if not hits:
        metrics().empty("related")
    for hit in hits:
        if is_fallback(hit.reasons[0].code):
            metrics().filled(hit.reasons[0].code)
