"""The settings by which the second ranking of a trial differs from the first. Imports nothing heavy."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from service.ranking.presets import DuplicateRule, FreshnessName, PresetName

TrialKind = Literal["off", "by-article", "interleaved"]


class Variant(BaseModel):
    """The options of the second ranking that differ; the names are those of a related request."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    preset: PresetName | None = None
    freshness: FreshnessName | None = None
    reference: Literal["seed"] | None = None
    diversity: Annotated[float, Field(ge=0, le=1)] | None = None
    min_relevance: Annotated[float, Field(ge=0, le=1)] | None = None
    max_per_event: Annotated[int, Field(ge=1, le=50)] | None = None
    max_per_section: Annotated[int, Field(ge=1, le=50)] | None = None
    duplicates: DuplicateRule | None = None
    ranking: Literal["similarity"] | None = None

    @model_validator(mode="after")
    def _something(self) -> Variant:
        if not self.model_fields_set:
            raise ValueError("expected at least one of " + ", ".join(Variant.model_fields))
        return self
