"""The presets: what they leave to whom, and that every name a request may give is known where it is used."""

from dataclasses import fields
from typing import get_args

import pytest
from pydantic import ValidationError

from indexer.relations.content_classes import ContentClass
from service.ranking.freshness import FADINGS
from service.ranking.presets import (
    PRESETS,
    ClassName,
    DuplicateRule,
    FallbackName,
    FreshnessName,
    Preset,
    PresetName,
    is_fallback,
)
from service.schemas import RelatedOptions
from service.settings import Settings
from service.wording import strings


def test_every_name_has_its_preset():
    assert list(PRESETS) == list(get_args(PresetName))


def test_every_freshness_has_its_fading():
    assert set(FADINGS) == set(get_args(FreshnessName))
    assert {preset.freshness for preset in PRESETS.values()} <= set(FADINGS)


def test_every_class_is_one_of_the_index():
    assert [ContentClass[name.upper()] for name in get_args(ClassName)] == [kind for kind in ContentClass if kind]


def test_what_is_a_fallback():
    assert [name for name in ("same_section_newest", "newest", "none") if is_fallback(name)] == [
        *get_args(FallbackName)
    ]
    assert not any(map(is_fallback, ("same_event", "pinned", "oldest", "")))


@pytest.mark.parametrize("words", [strings.language("vi"), strings.language("en")], ids=["vi", "en"])
def test_every_fallback_that_brings_something_can_be_told(words):
    assert {words.reason(name) for name in get_args(FallbackName) if name != "none"}.isdisjoint({"", None})


def test_the_blocks_of_a_page():
    assert {name: (preset.limit, preset.ranked) for name, preset in PRESETS.items()} == {
        "standard": (6, True),
        "same-section-newest": (6, False),
        "inline-teasers": (3, True),
        "headlines": (5, True),
    }
    assert PRESETS["standard"] == Preset()
    # Within a text nothing may stand that is not related; a list of the newest is nothing else.
    assert PRESETS["inline-teasers"].fallbacks == ()
    assert PRESETS["inline-teasers"].min_relevance > Settings(_env_file=None).min_related
    assert PRESETS["same-section-newest"].fallbacks == ("same_section_newest",)


@pytest.mark.parametrize("preset", PRESETS.values(), ids=PRESETS)
def test_what_a_preset_says_is_what_a_request_could_say(preset):
    said = {field.name: getattr(preset, field.name) for field in fields(preset) if field.name != "ranked"}
    if said["fallbacks"] is not None:
        said["fallbacks"] = list(said["fallbacks"])
    asked = RelatedOptions.model_validate(said, strict=True)
    assert {name: getattr(asked, name) for name in said} == said


def test_a_request_leaves_to_the_preset_what_the_preset_says():
    asked = RelatedOptions()
    said = [field.name for field in fields(Preset) if field.name != "ranked"]
    assert {getattr(asked, name) for name in said} == {None}


def test_settings_and_requests_know_the_same_names():
    for rule in get_args(DuplicateRule):
        assert RelatedOptions(duplicates=rule).duplicates == Settings(duplicates=rule).duplicates == rule
    for name in get_args(FallbackName):
        assert RelatedOptions(fallbacks=[name]).fallbacks == [*Settings(fallbacks=(name,)).fallbacks]
    for model, field in ((RelatedOptions, "fallbacks"), (Settings, "fallbacks")):
        with pytest.raises(ValidationError, match=field):
            model(**{field: ["oldest"]})
