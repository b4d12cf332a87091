"""Which card a name gives, and where made models are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from models import bundled, catalogue
from models.catalogue import ModelCard
from models.errors import ModelError


@pytest.mark.parametrize(
    ("name", "card"),
    [
        ("bundled", ModelCard("bundled", "", "query: ", "passage: ", 512, "MIT")),
        (
            "intfloat/multilingual-e5-large",
            ModelCard(
                "intfloat/multilingual-e5-large", "intfloat/multilingual-e5-large", "query: ", "passage: ", 512, "MIT"
            ),
        ),
        ("BAAI/bge-m3", ModelCard("BAAI/bge-m3", "BAAI/bge-m3", "", "", 1024, "MIT")),
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


def test_unknown_hub_id_takes_everything_from_the_model():
    assert catalogue.find("someone/some-model") == ModelCard(
        "someone/some-model", "someone/some-model", None, None, None, "unknown"
    )


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
    assert message.endswith("a directory, or a hub id OWNER/NAME")


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
