"""The editors' words: synonyms, abbreviations, renamed places, tried and changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask import Response, g, redirect, request
from flask.typing import ResponseReturnValue

from service import state
from service.errors import ServiceError, SignedOut
from service.pages.shared import CSRF, Views, filled_in, language, link, newsroom_page, visitor_name
from service.vocabulary import vocabulary_page
from service.wording.vocabulary import VocabularyWords

views = Views()


@views.get("/newsroom/synonyms")
def synonyms() -> Response:
    """Show the newsroom's synonyms, abbreviations and renamed places, and what is known without them."""
    return _vocabulary_page(filled_in(request.args.lists()))


@views.post("/newsroom/synonyms", keeps_typed=True)
def change_synonyms() -> ResponseReturnValue:
    """Try a change out beside what is found without it, or make it."""
    given = request.form.to_dict(flat=False)
    given.pop(CSRF, None)
    if "refused" in g:
        return _vocabulary_page(given, error=g.refused)
    try:
        form = vocabulary_page.parse(given)
        if form.do == "try":
            return _vocabulary_page(given, form)
        vocabulary_page.save(state.settings(), form, g.visitor, visitor_name())
    except ServiceError as error:
        return _vocabulary_page(given, error=error)
    asked = {"what": form.what, "done": form.do} | ({"q": form.q} if form.q else {})
    return redirect(link("pages.synonyms", **asked), 303)


def _vocabulary_page(
    given: Mapping[str, Sequence[str]],
    form: vocabulary_page.VocabularyForm | None = None,
    error: ServiceError | None = None,
) -> Response:
    words = VocabularyWords.in_language(language().code)
    if isinstance(error, SignedOut):  # who is not let in sees what they typed, and nothing else
        filled = vocabulary_page.filled_in(given)
        return newsroom_page("synonyms.html", error.status, w=words, filled=filled, view=None, error=error)
    view = vocabulary_page.view(state.live().searcher(), state.settings(), given, form, error)
    status = 200 if view.error is None else view.error.status
    own = {"filled": view.filled, "error": view.error, "may": g.visitor.may("rules")}
    return newsroom_page("synonyms.html", status, w=words, view=view, done=given.get("done", [""])[0], **own)
