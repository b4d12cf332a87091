"""The form of the newsroom's draft page.

Knows nothing of Flask, nor of how related articles are found. The form's content is confidential: it is passed on and
not kept.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from service.errors import BadRequest, FieldError
from service.ranking.presets import FreshnessName, PresetName
from service.schemas import Draft, RelatedBody, Seed, parse_params

EMPTY = FieldError("draft", "nothing", "expected a title, a lead or a body")
"""The problem of a form that was sent unchanged."""


class DraftForm(BaseModel):
    """The fields of the form; a choice that was not made is empty."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: Annotated[str, Field(max_length=2000)] = ""
    lead: Annotated[str, Field(max_length=20_000)] = ""
    body: str = ""
    format: Literal["text", "html"] = "text"
    section: Annotated[str, Field(max_length=512)] = ""
    preset: PresetName = "standard"
    freshness: Annotated[FreshnessName | None, BeforeValidator(lambda value: value or None)] = None

    def request(self) -> RelatedBody:
        """Return the form's request.

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
    """Return the request of a form's fields.

    :param given: Every value of every field.
    :raises BadRequest: naming the invalid fields.
    """
    return parse_params(DraftForm, given).request()


def filled_in(given: Mapping[str, Sequence[str]]) -> dict[str, str]:
    """Return the text of each field of the form, valid or not, so that nothing typed is lost."""
    return {name: (given.get(name) or [field.default or ""])[0] for name, field in DraftForm.model_fields.items()}
