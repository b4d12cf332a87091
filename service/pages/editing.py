"""Editors' pages on links: the draft, the block under an article, its rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from flask import Response, g, redirect, request, url_for
from flask.typing import ResponseReturnValue

from indexer.articles.article import Article, shown
from indexer.text import folding
from service import schemas, state
from service.errors import BadRequest, FieldError, Forbidden, ServiceError, SignedOut, StaleForm
from service.hits import Answer
from service.newsroom import block, block_page, drafts, link_lists, picks, rule_form
from service.newsroom.rule_form import RuleForm
from service.pages.shared import CSRF, blueprint, language, link, newsroom_page, own_page
from service.rules.file import Author
from service.searcher import Searcher
from service.wording.block import BlockWords
from service.wording.drafts import DraftWords


@blueprint.get("/newsroom/draft")
def draft_form() -> Response:
    """Show the form that a draft is pasted into."""
    return _draft_page(drafts.filled_in({}), [])


@blueprint.post("/newsroom/draft")
def draft() -> Response:
    """Show the form as it was sent, and what would be linked. The draft is in no address and in no log."""
    given = request.form.to_dict(flat=False)
    given.pop(CSRF, None)
    picked = picks.taken(given)
    filled = drafts.filled_in(given)
    if "refused" in g:
        return _draft_page(filled, picked, error=g.refused)
    try:
        answer = state.live().searcher().related(drafts.parse(given))
    except ServiceError as error:
        return _draft_page(filled, picked, error=error)
    return _draft_page(filled, picked, answer)


def _draft_page(
    filled: dict[str, str], picked: list[str], answer: Answer | None = None, error: ServiceError | None = None
) -> Response:
    w, searcher = DraftWords.in_language(language().code), state.live().searcher()
    counted = searcher.archive.facets(np.flatnonzero(searcher.public()), ["section"]).get("section", [])
    names = {name for name, _ in counted} | {filled["section"]} - {""}
    return newsroom_page(
        "draft.html",
        200 if error is None else error.status,
        filled=filled,
        sections=[("", w.no_section), *((name, name) for name in sorted(names, key=folding.match_key))],
        answer=answer,
        lines=[] if answer is None else [picks.line(hit.article, own_page) for hit in answer.hits],
        picked=picks.looked_up(searcher, picked, own_page),
        formats=link_lists.FORMATS,
        error=error,
        signed_out=isinstance(error, SignedOut),
        stale=isinstance(error, StaleForm),
        empty=error is not None and drafts.EMPTY in error.errors,
        w=w,
    )


@blueprint.get("/newsroom/articles")
def articles() -> ResponseReturnValue:
    """Find an article by its title, id or URL, to see its block."""
    typed = folding.clean(request.args.get("q", ""))
    found = block.find(state.live().searcher(), typed)
    if found.article is not None:
        return redirect(link("pages.article_block", article_id=found.article.id), 303)
    return newsroom_page("articles.html", typed=typed, hits=found.hits, w=_block_words())


@blueprint.get("/newsroom/articles/<string:article_id>")
def article_block(article_id: str) -> ResponseReturnValue:
    """Show an article's block with what the rules do to it, or what a change of them would do. Nothing is changed."""
    given = request.args.to_dict(flat=False)
    given.pop("lang", None)
    searcher = state.live().searcher()
    under = searcher.article(article_id)
    if under.id != article_id:
        return redirect(link("pages.article_block", article_id=under.id), 303)
    if "do" in given:
        return _change_page(searcher, under, rule_form.parse(given))
    params = schemas.parse_params(block_page.BlockParams, given)
    found = block.block(searcher, under, params.preset)
    about = [effect.rule for effect in found.effects]
    entries = block_page.history(state.settings().rules, about, under)
    compared = state.comparing()
    return _block_page(
        "block.html",
        under,
        params.preset,
        block_page.titles(searcher, about),
        found=found,
        saved=any(entry.id == params.saved for entry in entries[:1]),
        when=params.when,
        entries=entries,
        compares=compared is not None,
        **({} if compared is None else compared(searcher, under, params.when, language())),
    )


@blueprint.post("/newsroom/articles/<string:article_id>")
def save_rule(article_id: str) -> ResponseReturnValue:
    """Change the rules as it was shown, and show the block as it is then."""
    path = state.settings().rules
    if path is None or not g.visitor.may("pins"):
        raise Forbidden([FieldError("key", "this visitor", "expected a key of scope rules, and a file of rules")])
    given = request.form.to_dict(flat=False)
    given.pop(CSRF, None)
    form, searcher, w = rule_form.parse(given), state.live().searcher(), _block_words()
    under = searcher.article(article_id)
    if not _may_save(searcher, form, under):
        raise Forbidden([FieldError("lists", shown(form.lists), "expected a rule of this list alone, or a chief")])
    if "refused" in g:
        return _change_page(searcher, under, form, language().form_stale, status=403)
    if form.seen != searcher.rules().rules.revision:
        return _change_page(searcher, under, form, w.rules_changed, status=409)
    try:
        change = rule_form.change(searcher, form, under)
        rule_form.save(path, change, Author(block_page.author(g.visitor, w), form.why or None))
    except ServiceError as error:
        return _change_page(searcher, under, form, error=error, status=error.status)
    saved = change if isinstance(change, str) else change.id
    return redirect(link("pages.article_block", article_id=under.id, preset=form.preset, saved=saved), 303)


def _change_page(
    searcher: Searcher,
    under: Article,
    form: RuleForm,
    note: str = "",
    error: ServiceError | None = None,
    status: int = 200,
) -> Response:
    told = block_page.NO_CHANGE
    if error is None:
        try:
            told = block_page.changing(searcher, under, form)
        except BadRequest as fault:
            error, status = fault, fault.status
    named = {} if told.rule is None else block_page.titles(searcher, [told.rule])
    values = {"form": form, "note": note, "error": error, "may_save": _may_save(searcher, form, under)}
    return _block_page("block_change.html", under, form.preset, named, status, **values, **told._asdict())


def _may_save(searcher: Searcher, form: RuleForm, under: Article) -> bool:
    """Return whether the change that a form asks for is this visitor's to make."""
    return bool(g.visitor.may(rule_form.permission(form, searcher.rules().rules, under)))


def _block_page(
    template: str, under: Article, preset: str, named: Mapping[str, str], status: int = 200, **values: Any
) -> Response:
    words = _block_words()
    return newsroom_page(
        template,
        status,
        w=words,
        under=under,
        preset=preset,
        block_path=url_for("pages.article_block", article_id=under.id),
        here_path=url_for("pages.articles"),
        has_file=state.settings().rules is not None,
        can_change=state.settings().rules is not None and g.visitor.may("pins"),
        every_list=g.visitor.may("rules"),
        may_remove=lambda rule: g.visitor.may("rules") or rule_form.is_of_one_list(rule, under),
        told=lambda rule: block_page.told(rule, words, named),
        lists_of=lambda rule: block_page.lists_of(rule, words, under),
        **values,
    )


def _block_words() -> BlockWords:
    return BlockWords.in_language(language().code)
