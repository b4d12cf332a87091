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

    :param when: The time at which both lists are compared: the article's publication, or now.
    :param saved: The id of the rule that was just added or removed.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: PresetName = "standard"
    when: Literal["then", "now"] = "then"
    saved: Annotated[str, Field(max_length=128)] = ""


class ChangePreview(NamedTuple):
    """The preview of a change.

    :param rule: The rule to add or remove, None if it is not known yet.
    :param choices: The articles that the typed text may mean, None if that is clear.
    :param again: The form's fields, to be sent again.
    :param marks_before: The mark of each changed article in the list before, by id.
    :param marks_after: The same for the list after.
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
    """Return the preview of a change. Nothing is changed.

    :raises BadRequest: naming the invalid fields of the form.
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
    """Return the fields of a form without the reason, which is asked for last."""
    fields = form.model_dump(exclude={"why", "seen", "article"}, exclude_none=True)
    return [(name, str(value)) for name, value in {**fields, "article": article, "seen": seen}.items() if value != ""]


def titles(searcher: Searcher, rules: Iterable[Rule]) -> dict[str, str]:
    """Return the titles of the public articles that rules name."""
    public = searcher.public()
    names = {rule.article for rule in rules if not isinstance(rule, SectionRule) and rule.article}
    rows = {name: searcher.archive.find(name, public) for name in names}
    found = {name: row for name, row in rows.items() if row is not None}
    called = searcher.archive.summaries(list(found.values()))
    return {name: one.title for name, one in zip(found, called, strict=True)}


def told(rule: Rule, words: BlockWords, called: Mapping[str, str]) -> str:
    """Describe a rule's effect in words.

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
    """Describe in words the lists that a rule concerns."""
    if rule.scope is None:
        return words.lists["all"]
    if rule.scope.ids and (under.id in rule.scope.ids or not rule.scope.sections):
        others = len(rule.scope.ids) - 1
        return words.lists["article"] + (words.and_others.format(number=others) if others else "")
    return words.lists["section"].format(section=", ".join(rule.scope.sections or ()))


def history(path: Path | None, rules: Sequence[Rule], under: Article) -> list[HistoryEntry]:
    """Return the changes of the rules about a list, the newest first."""
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
    """Return a visitor's name for the history."""
    return words.nobody if visitor.who is None else f"{visitor.who.name} ({visitor.who.id})"
