"""Cross-encoders: a model that reads a query and a passage together and scores how well the passage answers.

sentence-transformers runs it: in ONNX Runtime if that gives torch's scores, else in torch. Owns which models are
accepted and what runs them. Knows nothing of articles or searches.
"""

from __future__ import annotations

import json
import logging
import shutil
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np
from numpy.typing import NDArray

from models import catalogue, hashing, onnx, sentence_transformer
from models.catalogue import ModelCard
from models.cpu import available_threads
from models.errors import ModelError, ParityError

if TYPE_CHECKING:
    from models.sentence_transformer import CrossEncoder

logger = logging.getLogger(__name__)

PassageScores = NDArray[np.float64]
"""(n,) float64, higher is better."""

MAX_TOKENS = 256
"""Tokens read of a query and its passage together, if the model's own limit allows. Time grows with them."""

_TOLERANCE = 1e-3
_PROBES = (
    ("giá điện", "Giá điện bán lẻ tăng từ tháng sau"),
    ("giá điện", "Đội tuyển bóng đá nữ vào chung kết sau loạt luân lưu căng thẳng"),
    ("tai nạn lao động", "Hai công nhân bị thương khi giàn giáo đổ"),
)
_HEAD = "ForSequenceClassification"
_OWN_ACTIVATIONS = ("torch.nn.modules.activation.", "torch.nn.modules.linear.Identity")


class Reranker(Protocol):
    """Scores passages by how well they answer a query."""

    @property
    def name(self) -> str:
        """Return the name that distinguishes its scores from another model's."""
        ...

    def score(self, query: str, passages: Sequence[str]) -> PassageScores:
        """Return (len(passages),) float64, higher is better."""
        ...


class CrossEncoderReranker:
    """A CrossEncoder of sentence-transformers as a `Reranker`.

    :param name: Distinguishes its scores from another model's.
    :raises ModelError: if the model cannot be run, or gives other than one finite score for each pair.
    """

    def __init__(self, model: CrossEncoder, name: str) -> None:
        self.name = name
        self._model = model
        # The first call fixes the tokenizer's padding and truncation. It also shows whether the model can run.
        try:
            scores = self._predict(list(_PROBES))
        except Exception as error:  # torch and ONNX Runtime each raise their own kinds
            raise ModelError(f"reranker {name}: cannot be run: {error}") from error
        if scores.shape != (len(_PROBES),) or not np.isfinite(scores).all():
            raise ModelError(f"reranker {name}: scores {scores}: expected one finite number for each pair")
        self.probed = scores

    def score(self, query: str, passages: Sequence[str]) -> PassageScores:
        """Return (len(passages),) float64, the model's raw output for the query with each passage."""
        clean = [
            text.encode("utf-8", "ignore").decode() for text in (query, *passages)
        ]  # no tokenizer accepts lone surrogates
        return self._predict([(clean[0], passage) for passage in clean[1:]])

    def _predict(self, pairs: list[tuple[str, str]]) -> PassageScores:
        import torch

        given: Any = pairs
        found = self._model.predict(given, activation_fn=torch.nn.Identity(), show_progress_bar=False)
        return np.asarray(found, dtype=np.float64)


def find(name: str) -> ModelCard:
    """Return the card of a reranker: a directory, or OWNER/NAME@COMMIT.

    :raises ModelError: if it is neither.
    """
    if name in {catalogue.DEFAULT, hashing.NAME}:
        raise ModelError(f"reranker: {name!r}: expected a directory, or a hub id OWNER/NAME@COMMIT of a cross-encoder")
    try:
        return catalogue.find(name)
    except ModelError as error:
        raise ModelError(f"reranker: {error}") from None


def load(card: ModelCard, backend: str = "auto", threads: int | None = None) -> Reranker:
    """Return the card's cross-encoder. Fetch it and make its ONNX model first if they are not on this disk.

    :param backend: `torch` for torch alone; any other value for ONNX Runtime if it gives torch's scores.
    :param threads: Cores to use; all by default.
    :raises ModelError: if it cannot be fetched, or is not a cross-encoder.
    """
    located = sentence_transformer.locate(card)
    _check(located.directory)
    threads = threads or available_threads()
    if backend != "torch":
        try:
            return _load_onnx(located.directory, located.name, located.slug, threads)
        except ParityError as error:
            logger.warning("reranker %s: falling back to torch: %s", located.name, error)
    return _load_torch(located.directory, located.slug, threads)


def missing(card: ModelCard) -> str | None:
    """Return what must still be fetched, None if nothing. Loads nothing and changes nothing."""
    return sentence_transformer.missing(card)


def _check(directory: Path) -> None:
    """Refuse a model that is not a cross-encoder with one score, or that names code of its own.

    :raises ModelError: with what was found and what was expected.
    """
    path = directory / "config.json"
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
        kinds = [str(kind) for kind in config.get("architectures") or []]
        labels = len(config["id2label"]) if "id2label" in config else config.get("num_labels", 2)
        own = config.get("sentence_transformers") or {}
        named = [own.get("activation_fn"), config.get("sbert_ce_default_activation_function")]
        outer = directory / "config_sentence_transformers.json"
        if outer.is_file():
            named.append(json.loads(outer.read_text(encoding="utf-8")).get("activation_fn"))
    except (OSError, ValueError, AttributeError, TypeError, RecursionError) as error:
        raise ModelError(f"{path}: cannot be read: {error}") from None
    # Any other model would get a scoring head of random numbers, without an error.
    if not any(kind.endswith(_HEAD) for kind in kinds):
        raise ModelError(f"{path}: architectures: {kinds}: expected a cross-encoder, one that ends in {_HEAD}")
    if labels != 1:
        raise ModelError(f"{path}: {labels} labels: expected a cross-encoder with one, which is its score")
    for name in filter(None, named):
        if not str(name).startswith(_OWN_ACTIVATIONS):
            raise ModelError(f"{path}: activation {name!r}: expected one of torch.nn: no other code is run")


def _load_torch(directory: Path, slug: str, threads: int) -> CrossEncoderReranker:
    import torch

    torch.set_num_threads(threads)
    return _shortened(
        sentence_transformer.open_cross_encoder(directory, model_kwargs={"use_safetensors": True}), f"{slug}-torch"
    )


def _load_onnx(directory: Path, name: str, slug: str, threads: int) -> CrossEncoderReranker:
    made = catalogue.models_home() / f"{slug}-cross-onnx"
    if not made.is_dir():
        try:
            _make_onnx(directory, name, slug, made, threads)
        except Exception as error:  # the exporter raises its own kinds, and a disk may be full or read-only
            raise ParityError(f"no ONNX model can be made of it: {error}") from error
    return _open_onnx(made, slug, threads)


def _open_onnx(directory: Path, slug: str, threads: int) -> CrossEncoderReranker:
    options = onnx.session_options(threads, optimised=False)
    kwargs = {"file_name": "onnx/model.onnx", "provider": "CPUExecutionProvider", "session_options": options}
    opened = sentence_transformer.open_cross_encoder(directory, backend="onnx", model_kwargs=kwargs)
    return _shortened(opened, f"{slug}-onnx")


def _make_onnx(directory: Path, name: str, slug: str, made: Path, threads: int) -> None:
    """Export the model to ONNX, compare its scores with torch's, and put it in place."""
    logger.info("making the ONNX model of the reranker %s in %s (once)", name, made)
    made.parent.mkdir(parents=True, exist_ok=True)
    partial = Path(tempfile.mkdtemp(prefix=made.name + ".", dir=made.parent))
    try:
        kwargs = {"export": True, "provider": "CPUExecutionProvider"}
        exported = sentence_transformer.open_cross_encoder(directory, backend="onnx", model_kwargs=kwargs)
        with sentence_transformer.quiet():
            exported.save_pretrained(str(partial), create_model_card=False)
        expected = _load_torch(directory, slug, threads).probed
        found = _open_onnx(partial, slug, threads).probed
        if not np.allclose(found, expected, rtol=_TOLERANCE, atol=_TOLERANCE):
            raise ParityError(f"scores {found}, expected torch's {expected}")
        sentence_transformer.put_in_place(partial, made)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _shortened(model: CrossEncoder, name: str) -> CrossEncoderReranker:
    own = model.max_seq_length
    model.max_seq_length = min(own, MAX_TOKENS) if own else MAX_TOKENS
    return CrossEncoderReranker(model, name)
