"""Cross-encoders: a tiny one of random weights, made here, in torch and in ONNX Runtime."""

import json
import logging
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from transformers import BertForSequenceClassification, PreTrainedTokenizerFast

from models import catalogue, cross_encoder
from models.errors import ModelError
from tests import tiny_cross_encoder

QUERY = "giá điện"
PASSAGES = ["giá điện tăng từ tháng sau", "mưa lũ", "công nhân nhà máy " * 60, "", "lương \ud83d bảo hiểm"]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    """Return the directory of the tiny model. Others share it: it is not to be changed."""
    return tiny_cross_encoder.write(tmp_path_factory.mktemp("source") / "tiny")


@pytest.fixture
def copy(tiny, tmp_path):
    return shutil.copytree(tiny, tmp_path / "copy")


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


def load(directory, backend="auto"):
    return cross_encoder.load(cross_encoder.find(str(directory)), backend, 1)


def change(directory, **values):
    path = directory / "config.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), **values}))


def by_transformers(directory, query, passage):
    """Return the model's raw output for one pair, without sentence-transformers."""
    tokenizer = PreTrainedTokenizerFast.from_pretrained(directory)
    model = BertForSequenceClassification.from_pretrained(directory).eval()
    given = tokenizer(query, passage.encode("utf-8", "ignore").decode(), truncation=True, max_length=64)
    with torch.no_grad():
        return model(**{name: torch.tensor([values]) for name, values in given.items()}).logits.item()


@pytest.mark.parametrize("backend", ["torch", "auto"])
def test_scores_are_the_models_own(tiny, home, backend):
    found = load(tiny, backend)
    scores = found.score(QUERY, PASSAGES)
    assert scores.dtype == np.float64
    assert scores == pytest.approx([by_transformers(tiny, QUERY, one) for one in PASSAGES], abs=1e-3)
    assert len({round(score, 2) for score in scores}) > 3  # it tells passages apart
    assert found.name.endswith("-torch" if backend == "torch" else "-onnx")


def test_the_same_list_has_the_same_scores_to_the_bit(tiny, home):
    found = load(tiny)
    assert np.array_equal(found.score(QUERY, PASSAGES), found.score(QUERY, PASSAGES))


def test_the_onnx_model_is_made_once_and_leaves_nothing_else(tiny, home, monkeypatch):
    first = load(tiny)
    assert [path.name.endswith("-cross-onnx") for path in home.iterdir()] == [True]
    monkeypatch.setattr(cross_encoder, "_make_onnx", lambda *_: pytest.fail("made again"))
    assert load(tiny).name == first.name


def test_where_onnx_gives_other_scores_torch_is_taken(tiny, home, monkeypatch, caplog):
    monkeypatch.setattr(cross_encoder, "_TOLERANCE", -1.0)
    with caplog.at_level(logging.WARNING):
        assert load(tiny).name.endswith("-torch")
    assert "falling back to torch" in caplog.text
    assert list(home.iterdir()) == []


def test_long_texts_are_cut_at_our_limit(tiny, home, monkeypatch):
    monkeypatch.setattr(cross_encoder, "MAX_TOKENS", 16)
    scores = load(tiny, "torch").score(QUERY, ["mưa lũ " * 8, "mưa lũ " * 20])
    assert scores[0] == pytest.approx(scores[1])


class TestRefused:
    @pytest.mark.parametrize("name", ["bundled", "hashing", "no-such-directory", "owner/name", "owner/name@main"])
    def test_names(self, name):
        with pytest.raises(ModelError, match="reranker"):
            cross_encoder.find(name)

    def test_pickled_weights(self, copy, home):
        (copy / "model.safetensors").rename(copy / "pytorch_model.bin")
        with pytest.raises(ModelError, match="safetensors"):
            load(copy)

    def test_a_model_without_a_head_whose_scores_would_be_random(self, copy, home):
        change(copy, architectures=["BertModel"])
        with pytest.raises(ModelError, match=r"\['BertModel'\]: expected a cross-encoder"):
            load(copy)

    def test_more_than_one_label(self, tmp_path, home):
        with pytest.raises(ModelError, match="3 labels: expected a cross-encoder with one"):
            load(tiny_cross_encoder.write(tmp_path / "three", labels=3))

    @pytest.mark.parametrize(
        "values",
        [
            {"sentence_transformers": {"activation_fn": "torch.hub.load"}},
            {"sbert_ce_default_activation_function": "os.getcwd"},
        ],
    )
    def test_activations_that_are_code_of_anybody(self, copy, home, values):
        change(copy, **values)
        with pytest.raises(ModelError, match="no other code is run"):
            load(copy)

    def test_code_of_its_own(self, copy, home):
        change(copy, model_type="mine", auto_map={"AutoConfig": "mine.Mine"})
        (copy / "mine.py").write_text("raise SystemExit('run')")
        with pytest.raises(ModelError, match="cannot be loaded"):
            load(copy, "torch")

    def test_a_config_that_cannot_be_read(self, copy, home):
        (copy / "config.json").write_text("[" * 9)
        with pytest.raises(ModelError, match=r"config\.json: cannot be read"):
            load(copy)


def test_loading_and_scoring_ask_nobody(tiny, home):
    code = f"""
import socket
def refuse(*_): raise AssertionError("the network was asked")
socket.socket.connect = socket.getaddrinfo = refuse
from models import cross_encoder
print(len(cross_encoder.load(cross_encoder.find({str(tiny)!r}), "torch", 1).score("a", ["b", "c"])))
"""
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "2\n"
