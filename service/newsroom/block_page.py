"""What the page of an article's block shows: its parameters, rules told in words, their history.

Knows nothing of Flask, nor of how lists are made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field

from indexer.articles.article import Article
from indexer.text import folding
from service.hits import Answer, Hit
from service.newsroom import block, rule_form
from service.newsroom.block import Difference
from service.newsroom.rule_form import RuleForm
from service.ranking.presets import PresetName
from service.rules import file as rule_file
from service.rules.file import HistoryEntry
from service.rules.lines import BlockRule, PinRule, Rule, SectionRule
from service.searcher import Searcher
from service.security.gate import Visitor
from service.wording.block import BlockWords

MOST_ENTRIES = 10


class BlockParams(BaseModel):
    """Parameters of the page.

    :param when: As of when both ways are compared: when the article came out, or now.
    :param saved: The id of the rule that was just added or removed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: PresetName = "standard"
    when: Literal["then", "now"] = "then"
    saved: Annotated[str, Field(max_length=128)] = ""


class ChangePreview(NamedTuple):
    """What is shown of a change before it is made.

    :param rule: The rule that would come or go, None where it is not known yet.
    :param choices: What the article that was typed may be, None where that is known.
    :param again: The form's fields, to be sent.
    :param marks_before: What becomes of articles of the list before, by id.
    :param marks_after: The same of the list after.
    """

    rule: Rule | None = None
    choices: Sequence[Hit] | None = None
    again: Sequence[tuple[str, str]] = ()
    change: Difference | None = None
    before: Answer | None = None
    after: Answer | None = None
    marks_before: Mapping[str, str] = {}
    marks_after: Mapping[str, str] = {}


NO_CHANGE = ChangePreview()


def changing(searcher: Searcher, under: Article, form: RuleForm) -> ChangePreview:
    """Return what a change would do. Nothing is changed.

    :raises BadRequest: naming what of the form is not as expected.
    """
    rules = searcher.rules().rules
    rule: Rule | None
    if form.do == "remove":
        rule = next((one for one in rules.rules if one.id == form.rule), None)
        then = rule_form.without_rule(rules, form.rule)
    else:
        found = block.find(searcher, form.article)
        if found.article is None:
            return ChangePreview(choices=found.hits, again=_again(form, form.article, ""))
        form = form.model_copy(update={"article": found.article.id})
        rule = rule_form.rule_of(form, under, form.article)
        then = rule_form.with_rule(rules, rule)
    before, after, change = block.changed(searcher, under, form.preset, then)
    left = {one.article.id: "−" for one in change.left}
    moved = {one.article.id: f"{one.before}\N{NO-BREAK SPACE}→\N{NO-BREAK SPACE}{one.position}" for one in change.moved}
    came = {one.article.id: "+" for one in change.came}
    again = _again(form, form.article, rules.revision)
    return ChangePreview(rule, None, again, change, before, after, left, came | moved)


def _again(form: RuleForm, article: str, seen: str) -> list[tuple[str, str]]:
    """Return the fields of a form, less why, which is asked last."""
    fields = form.model_dump(exclude={"why", "seen", "article"}, exclude_none=True)
    return [(name, str(value)) for name, value in {**fields, "article": article, "seen": seen}.items() if value != ""]


def titles(searcher: Searcher, rules: Iterable[Rule]) -> dict[str, str]:
    """Return what the public articles are called that rules name."""
    public = searcher.public()
    names = {rule.article for rule in rules if not isinstance(rule, SectionRule) and rule.article}
    rows = {name: searcher.archive.find(name, public) for name in names}
    found = {name: row for name, row in rows.items() if row is not None}
    called = searcher.archive.summaries(list(found.values()))
    return {name: one.title for name, one in zip(found, called, strict=True)}


def told(rule: Rule, words: BlockWords, called: Mapping[str, str]) -> str:
    """Return what a rule does, in words.

    :param called: The titles of articles (`titles`).
    """
    if isinstance(rule, PinRule):
        return words.pins.format(title=called.get(rule.article, rule.article), position=rule.position)
    if isinstance(rule, SectionRule):
        return (words.only if rule.only else words.never).format(sections=", ".join(rule.only or rule.never or ()))
    field, value = rule.target
    target = words.targets[field].format(value=called.get(value, value) if field == "article" else value)
    if isinstance(rule, BlockRule):
        return words.blocks.format(target=target)
    return words.boosts.format(target=target, factor=f"{rule.factor:g}")


def lists_of(rule: Rule, words: BlockWords, under: Article) -> str:
    """Return which lists a rule is about, in words."""
    if rule.scope is None:
        return words.lists["all"]
    if rule.scope.ids and (under.id in rule.scope.ids or not rule.scope.sections):
        others = len(rule.scope.ids) - 1
        return words.lists["article"] + (words.and_others.format(number=others) if others else "")
    return words.lists["section"].format(section=", ".join(rule.scope.sections or ()))


def history(path: Path | None, rules: Sequence[Rule], under: Article) -> list[HistoryEntry]:
    """Return what was changed of the rules about a list, the newest first."""
    if path is None or not path.exists():
        return []
    ids, section = {rule.id for rule in rules}, folding.match_key(under.section or "")

    def is_about(entry: HistoryEntry) -> bool:
        scope = (entry.rule or {}).get("for")
        if entry.rule is None or scope is None:
            return entry.id in ids or entry.rule is not None
        return under.id in scope.get("ids", ()) or section in map(folding.match_key, scope.get("sections", ()))

    return [entry for entry in reversed(rule_file.history(path)) if is_about(entry)][:MOST_ENTRIES]


def author(visitor: Visitor, words: BlockWords) -> str:
    """Return as whom the history names a visitor."""
    return words.nobody if visitor.who is None else f"{visitor.who.name} ({visitor.who.id})"
