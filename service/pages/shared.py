"""What all pages share: the blueprint, addresses in the reader's language, the newsroom's layout."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import Any, TypeVar
from urllib.parse import urlencode, urlsplit

from flask import Blueprint, Flask, Response, current_app, g, render_template, request, url_for

from indexer.articles.article import Article, shown
from indexer.articles.summaries import Summary
from indexer.text import addresses, folding
from service import schemas, state
from service.errors import FieldError, Forbidden
from service.reader.search_page import PageLink
from service.security.gate import Visitor
from service.security.keys import Scope
from service.security.people import Person
from service.security.pictures import Pictures
from service.wording import strings
from service.wording.catalogue import LANGUAGES, SOURCE
from service.wording.newsroom import NewsroomWords
from service.wording.sign_on import SignOnWords
from service.wording.strings import Strings

blueprint = Blueprint("pages", __name__)

View = TypeVar("View", bound=Callable[..., Any])

CSRF = "csrf"
"""The field in which the newsroom's forms carry what no other site can know."""

NOBODY = "local"
"""Who judges and changes words where nobody has to sign in."""


class Views:
    """The views of a part that an application may be made without (`service.extras`).

    They are named as those of a blueprint are, whose door they stand behind too.

    :param like: The blueprint, the pages' by default.
    """

    def __init__(self, like: Blueprint = blueprint) -> None:
        self._like = like
        self._rules: list[tuple[str, str, Callable[..., Any]]] = []
        self._kept: set[str] = set()
        self._steps: list[Callable[[Flask], None]] = []

    def get(self, rule: str) -> Callable[[View], View]:
        """Return a decorator that has a view answer a GET."""
        return self._added(rule, "GET")

    def post(self, rule: str, keeps_typed: bool = False) -> Callable[[View], View]:
        """Return a decorator that has a view answer a POST.

        :param keeps_typed: Whether it shows a form again that is refused (`g.refused`), as it was typed.
        """
        return self._added(rule, "POST", keeps_typed)

    def setup(self, step: Callable[[Flask], None]) -> Callable[[Flask], None]:
        """Have a function called with each application that has the part."""
        self._steps.append(step)
        return step

    def add_to(self, app: Flask) -> None:
        """Add them to an application."""
        for step in self._steps:
            step(app)
        for rule, method, view in self._rules:
            app.add_url_rule(rule, f"{self._like.name}.{view.__name__}", view, methods=[method])
        app.extensions[state.KEPT_FORMS] |= {f"{self._like.name}.{name}" for name in self._kept}

    def _added(self, rule: str, method: str, keeps_typed: bool = False) -> Callable[[View], View]:
        def decorate(view: View) -> View:
            self._rules.append((rule, method, view))
            if keeps_typed:
                self._kept.add(view.__name__)
            return view

        return decorate


def needs(scope: Scope) -> None:
    """Let go on whoever has a scope.

    :raises Forbidden: if they have not, naming the scope.
    """
    if not g.visitor.may(scope):
        expected = f"expected a key of scope {scope}, or the role of a chief"
        raise Forbidden([FieldError("key", shown(g.visitor.who.name), expected)])


def own_page(article: Article | Summary) -> str:
    """Return the address of an article's page here."""
    return url_for("pages.article", article_id=article.id)


def visitor_name() -> str:
    """Return by whose name judgements are kept."""
    author: str | None = g.visitor.author
    return author or NOBODY


def newsroom_page(template: str, status: int = 200, **values: Any) -> Response:
    """Return a page of the newsroom's, with its menu and what its forms must carry."""
    visitor, code = g.get("visitor", Visitor()), language().code
    menu = NewsroomWords.in_language(code)
    page = render_template(
        template,
        menu=menu,
        tabs=menu.with_tabs(state.tabs(code)),
        csrf=state.gate().token(visitor),
        signed_in=_signed_in(visitor),
        **{"here_path": request.path} | values,
    )
    return Response(page, status)


def _signed_in(visitor: Visitor) -> str | None:
    """Return what the page says of whoever is signed in, None where nobody has to be."""
    words = language()
    if visitor.who is None:
        return None
    if not isinstance(visitor.who, Person):
        return words.signed_in.format(name=visitor.who.name)
    said = SignOnWords.in_language(words.code)
    return said.signed_in.format(name=visitor.who.name, role=said.roles[visitor.who.role])


@blueprint.app_context_processor
def context() -> dict[str, Any]:
    """Return what every template needs, the error page's too, whatever was asked for."""
    words, settings = language(), state.settings()
    given = [(name, value) for name, value in request.args.items(multi=True) if name != "lang"]
    # An address of the query alone stays on this page, whether or not it is one of ours.
    here = {code: "?" + urlencode([*given, *lang_fields(code)], errors="replace") for code in LANGUAGES}
    return {
        "t": words,
        "link": link,
        "lang": lang_fields(words.code),
        "here": here,
        "absolute": absolute,
        "now": datetime.now(UTC),
        "pictures": pictures(),
        "robots": settings.robots,
        "kinds": json.dumps(words.kinds, ensure_ascii=False),
        "level": strings.level,
        "max_query": schemas.MAX_QUERY,
        "has_page": has_page,
    }


def link(endpoint: str, **values: Any) -> str:
    """Return the address of a page in the language of this one."""
    return url_for(endpoint, **dict(lang_fields(language().code)) | values)


def has_page(endpoint: str) -> bool:
    """Return whether this application has a page; some are of parts that it may be made without."""
    return endpoint in current_app.view_functions


def web_address(url: str | None) -> PageLink | None:
    """Return a link to another site, named by its host; None for anything but a plain http or https address."""
    plain = addresses.web_address(url)
    return None if plain is None else PageLink(urlsplit(plain).hostname or plain, plain)


def absolute(path: str) -> str | None:
    """Return the whole address of a path as readers reach it, None where no setting says that.

    The host that a request names is not taken for it: it is whatever somebody wrote there, and a cache would hand the
    page on to others.
    """
    public = state.settings().public_url
    return None if public is None else public.rstrip("/") + path


def pictures() -> Pictures:
    """Return which pictures a page may load."""
    return Pictures(state.settings().picture_hosts)


def language() -> Strings:
    """Return the words of the language that the reader asked for."""
    return strings.language(g.get("lang", request.args.get("lang")))


def lang_fields(code: str) -> list[tuple[str, str]]:
    """Return the parameter that names a language, none for the default one."""
    return [] if code == SOURCE else [("lang", code)]


def filled_in(given: Iterable[tuple[str, list[str]]]) -> dict[str, list[str]]:
    """Return the parameters less the blank values: what a form sends for a field that was left alone."""
    filled = {name: [value for value in values if folding.clean(value)] for name, values in given}
    return {name: values for name, values in filled.items() if values}
