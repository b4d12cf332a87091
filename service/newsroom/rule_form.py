"""The editors' form for a change of the rules: a new pin or block, or a removed rule. Knows nothing of Flask.

It makes the same rules as `lienquan rules`, with the same checks, for one article's list, its section's lists, or all.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from indexer.articles.article import Article, shown
from service.errors import BadRequest, CannotWrite, FieldError
from service.ranking.presets import PresetName
from service.rules import file as rule_file
from service.rules.file import Author
from service.rules.lines import DEEPEST_POSITION, Rule, Rules, make
from service.schemas import parse_params
from service.searcher import Searcher
from service.security.people import Permission

ListChoice = Literal["article", "section", "all"]


class RuleForm(BaseModel):
    """The form, field by field.

    :param article: The id or URL of the article that is pinned or blocked.
    :param scope: The lists concerned.
    :param rule: The id of the rule to remove.
    :param seen: The revision of the rules when the editor saw the preview.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    do: Literal["pin", "block", "remove"]
    article: Annotated[str, Field(max_length=2048)] = ""
    position: Annotated[int, Field(ge=1, le=DEEPEST_POSITION)] = 1
    lists: ListChoice = "article"
    until: Annotated[str | None, BeforeValidator(lambda value: value or None)] = None
    rule: Annotated[str, Field(max_length=128)] = ""
    why: Annotated[str, Field(max_length=500)] = ""
    preset: PresetName = "standard"
    seen: Annotated[str, Field(max_length=64)] = ""


def parse(given: Mapping[str, Sequence[str]]) -> RuleForm:
    """Parse a form.

    :raises BadRequest: naming the invalid fields.
    """
    return parse_params(RuleForm, given)


def change(searcher: Searcher, form: RuleForm, under: Article) -> Rule | str:
    """Return the rule that a form adds, or the id of the one that it removes.

    :param under: The article whose list it is.
    :raises BadRequest: naming the invalid fields.
    """
    if form.do == "remove":
        return form.rule
    target = searcher.archive.find(form.article, searcher.public())
    if target is None:
        raise BadRequest([FieldError("article", shown(form.article), "expected the id of a public article")])
    return rule_of(form, under, form.article)


def rule_of(form: RuleForm, under: Article, target: str) -> Rule:
    """Return the rule of a form.

    :param target: The id of the article to pin or block.
    :raises BadRequest: naming the invalid fields.
    """
    fields: dict[str, Any] = {"kind": form.do, "article": target}
    if form.do == "pin":
        fields["position"] = form.position
    if form.lists == "article":
        fields["for"] = {"ids": [under.id]}
    elif form.lists == "section":
        if not under.section:
            raise BadRequest([FieldError("lists", "'section'", "expected an article that has a section")])
        fields["for"] = {"sections": [under.section]}
    fields |= {name: value for name, value in (("until", form.until), ("note", form.why)) if value}
    rule = make(fields)
    if isinstance(rule, list):
        raise BadRequest([FieldError(*fault) for fault in rule])
    return rule


def is_of_one_list(rule: Rule | None, under: Article) -> bool:
    """Return whether a rule is about the list under one article and no other."""
    scope = None if rule is None else rule.scope
    return scope is not None and not scope.sections and tuple(scope.ids or ()) == (under.id,)


def permission(form: RuleForm, rules: Rules, under: Article) -> Permission:
    """Return the permission that a form's change needs."""
    if form.do == "remove":
        gone = next((rule for rule in rules.rules if rule.id == form.rule), None)
        return "pins" if is_of_one_list(gone, under) else "rules"
    return "pins" if form.lists == "article" else "rules"


def with_rule(rules: Rules, rule: Rule) -> Rules:
    """Return rules with one more.

    :raises BadRequest: if it exists already.
    """
    if any(one.id == rule.id for one in rules.rules):
        raise BadRequest([FieldError("rule", shown(rule.id), "expected a rule that is not there yet")])
    return replace(rules, rules=(*rules.rules, rule))


def without_rule(rules: Rules, rule_id: str) -> Rules:
    """Return rules without one.

    :raises BadRequest: if it does not exist.
    """
    kept = tuple(one for one in rules.rules if one.id != rule_id)
    if len(kept) == len(rules.rules):
        raise BadRequest([FieldError("rule", shown(rule_id), "expected the id of a rule")])
    return replace(rules, rules=kept)


def save(path: Path, change: Rule | str, author: Author) -> None:
    """Write a change, with its author and reason.

    :param change: A new rule, or the id of a rule to remove.
    :raises BadRequest: if the new rule exists already, or the rule to remove does not.
    :raises CannotWrite: if the file cannot be written; then it is unchanged.
    """
    try:
        if isinstance(change, str):
            rule_file.remove(path, change, author)
        else:
            rule_file.add(path, change, author)
    except ValueError as error:
        field, value, expected = str(error).split(": ", 2)
        raise BadRequest([FieldError(field, value, expected)]) from None
    except OSError as error:
        raise CannotWrite(f"rules: {error.strerror or 'it is not a file'}: nothing was changed") from None
