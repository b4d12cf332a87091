"""Which card a name gives, and where made models are kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from models import bundled, catalogue, hub
from models.catalogue import ModelCard
from models.errors import ModelError


@pytest.mark.parametrize(
    ("name", "card"),
    [
        ("bundled", ModelCard("bundled", "", "query: ", "passage: ", 512, "MIT")),
        (
            "intfloat/multilingual-e5-large",
            ModelCard(
                *(
                    "intfloat/multilingual-e5-large",
                    "intfloat/multilingual-e5-large",
                    "query: ",
                    "passage: ",
                    512,
                    "MIT",
                ),
                "ab10c1a7f42e74530fe7ae5be82e6d4f11a719eb",
            ),
        ),
        ("hashing", ModelCard("hashing", "", "", "", None, "MIT")),
    ],
)
def test_known_models(name, card):
    assert catalogue.find(name) == card


def test_every_card_is_found_by_its_key_and_says_its_licence():
    assert catalogue.DEFAULT in catalogue.KNOWN
    assert bundled.HUB_ID in catalogue.KNOWN  # which is what a machine without the wheel is told to use
    for key, card in catalogue.KNOWN.items():
        assert card.key == key
        assert catalogue.find(key) == card
        assert card.licence != "unknown"


COMMIT = "0123456789abcdef" * 2 + "01234567"


def test_every_model_of_the_hub_has_one_commit():
    for card in catalogue.KNOWN.values():
        assert bool(card.source) is hub.is_commit(card.revision)


def test_unknown_hub_id_takes_everything_from_the_model():
    name = f"someone/some-model@{COMMIT}"
    assert catalogue.find(name) == ModelCard(name, "someone/some-model", None, None, None, "unknown", COMMIT)


def test_another_commit_of_a_known_model_keeps_its_prompts():
    known = catalogue.find(bundled.HUB_ID)
    other = catalogue.find(f"{bundled.HUB_ID}@{COMMIT}")
    assert known.revision not in {"", COMMIT}
    assert other == replace(known, key=f"{bundled.HUB_ID}@{COMMIT}", revision=COMMIT)


@pytest.mark.parametrize(
    "revision",
    ["", "@", "@main", "@v1.0", "@0123abc", f"@{COMMIT[:-1]}", f"@{COMMIT}0", f"@{COMMIT.upper()}", f"@{COMMIT}\n"],
)
def test_what_names_no_commit_is_refused_and_says_how_to_name_one(revision):
    with pytest.raises(ModelError) as caught:
        catalogue.find(f"someone/some-model{revision}")
    message = str(caught.value)
    assert message.startswith(f"model: {'someone/some-model' + revision!r}: expected someone/some-model@COMMIT")
    assert "40 hexadecimal digits" in message


def test_directory_takes_everything_from_the_model(tmp_path):
    assert catalogue.find(str(tmp_path)) == ModelCard(str(tmp_path), str(tmp_path), None, None, None, "unknown")


def test_relative_directory_is_kept_as_absolute(tmp_path, monkeypatch):
    (tmp_path / "sub" / "model").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    card = catalogue.find("sub/model")  # of the form of a hub id as well: what is on disk comes first
    assert (card.key, card.source) == ("sub/model", str(tmp_path / "sub" / "model"))


def test_given_values_stand_instead_of_the_cards():
    card = catalogue.find("bundled", query_prompt="hỏi: ", document_prompt="", max_tokens=128)
    assert card == ModelCard("bundled", "", "hỏi: ", "", 128, "MIT")
    assert catalogue.find("bundled").query_prompt == "query: "  # the known card stays as it was


@pytest.mark.parametrize(
    "name", ["", " ", "nothing", "./gone", "../gone/x", "/gone/model", "~/model", "a/b/c", "a b/c"]
)
def test_other_names_are_refused(name):
    with pytest.raises(ModelError) as caught:
        catalogue.find(name)
    message = str(caught.value)
    assert message.startswith(f"model: {name!r}: expected one of bundled, ")
    assert message.endswith("a directory, or a hub id OWNER/NAME@COMMIT")


@pytest.mark.parametrize("max_tokens", [7, 0, -1])
def test_too_few_tokens_are_refused(max_tokens):
    with pytest.raises(ModelError, match=f"^max_tokens: {max_tokens}: expected at least 8$"):
        catalogue.find("bundled", max_tokens=max_tokens)


def test_eight_tokens_are_enough():
    assert catalogue.find("bundled", max_tokens=8).max_tokens == 8


def test_models_home_is_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("LIENQUAN_MODELS", str(tmp_path / "m"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert catalogue.models_home() == tmp_path / "m"


def test_models_home_expands_and_is_absolute(tmp_path, monkeypatch):
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("LIENQUAN_MODELS", "~/m")
    assert catalogue.models_home() == tmp_path / "m"
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LIENQUAN_MODELS", "here")
    assert catalogue.models_home() == tmp_path / "here"


@pytest.mark.parametrize("unset", [None, ""])
def test_models_home_is_the_users_cache(tmp_path, monkeypatch, unset):
    for variable in ("LIENQUAN_MODELS", "XDG_CACHE_HOME"):
        monkeypatch.delenv(variable, raising=False)
        if unset is not None:
            monkeypatch.setenv(variable, unset)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert catalogue.models_home() == tmp_path / ".cache" / "lienquan" / "models"
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "xdg"))
    assert catalogue.models_home() == Path(tmp_path / "xdg" / "lienquan" / "models")
