"""An int8 model run by ONNX Runtime and `tokenizers` alone: encoding imports neither torch nor transformers.

The one module that opens sessions and tokenizers for encoding. Owns how a text becomes tokens and tokens become a
vector; the directory's sentence-transformers files decide that. Knows nothing of how the model was made.
"""

from __future__ import annotations

import json
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Encoding, Tokenizer

from models.encoder import EncoderIdentity, Vectors
from models.errors import ModelError

MODEL_FILE = "onnx/model_int8.onnx"
TOKENIZER_FILE = "tokenizer.json"

_INPUTS = {"input_ids", "attention_mask", "token_type_ids"}
_MODULES = (["Transformer", "Pooling"], ["Transformer", "Pooling", "Normalize"])
_POOLINGS = ("mean", "cls")
_WARM_TOKENS = 512

_BESIDE = 2
"""Most cores for one text alone. With two, a query takes a third less time and a third more processor time. More than
two were not measured."""


class UnknownParts(ModelError):
    """A model has a part that only sentence-transformers can run."""


@dataclass(frozen=True)
class ModelParts:
    """How a model turns tokens into a vector, as its directory says.

    :param pooling: `mean` of all tokens, or `cls`, the first one.
    :param dim: Length of a vector.
    :param max_tokens: The model's own limit, special tokens included.
    :param cut: The end at which a text that is too long is cut, `right` or `left`.
    """

    pooling: str
    dim: int
    max_tokens: int
    cut: str


def read_parts(directory: Path) -> ModelParts:
    """Read the parts of a sentence-transformers directory.

    :raises UnknownParts: if this module cannot run a part, or a description is not as expected.
    """
    try:
        modules = [module["type"].rpartition(".")[2] for module in _read(directory / "modules.json")]
        transformer = _read(directory / "sentence_bert_config.json")
        pooling = _read(directory / "1_Pooling" / "config.json")
        tokenizer = _read(directory / "tokenizer_config.json")
        found = ModelParts(
            pooling=pooling["pooling_mode"],
            dim=int(pooling["embedding_dimension"]),
            max_tokens=int(transformer.get("max_seq_length") or tokenizer["model_max_length"]),
            cut=tokenizer.get("truncation_side", "right"),
        )
        lower = transformer.get("do_lower_case", False)
        prompted = pooling.get("include_prompt", True)
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnknownParts(f"{directory}: {error!r}") from None
    if modules not in _MODULES or found.pooling not in _POOLINGS or lower or not prompted:
        raise UnknownParts(f"{directory}: modules {modules}, {pooling}, {transformer}")
    if not (directory / TOKENIZER_FILE).is_file():
        raise UnknownParts(f"{directory}: no {TOKENIZER_FILE}")
    return found


def _read(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@lru_cache(maxsize=1)
def open_tokenizer(path: Path) -> Tokenizer:
    """Return a tokenizer that neither cuts nor pads, the same object each time.

    A vocabulary of 250,000 takes 280 MB and half a second. Processes share it if it is opened before they fork.

    :raises ModelError: if it cannot be read.
    """
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # otherwise it warns in every forked process
    try:
        tokenizer = Tokenizer.from_file(str(path))
    except Exception as error:  # its Rust side raises plain Exception
        raise ModelError(f"{path}: cannot be read: {error}") from None
    tokenizer.no_truncation()
    tokenizer.no_padding()
    return tokenizer


class OnnxEncoder:
    """An int8 model as an `Encoder`.

    Texts are encoded one at a time, in threads of one core each. Dynamic int8 quantisation scales activations over the
    whole batch, so a vector would depend on the other texts of its batch. On a CPU, single texts are faster as well. A
    text that comes alone, such as a reader's query, gets several cores; its vector is the same to the bit.

    :param directory: Holds MODEL_FILE, the tokenizer, and the files that `read_parts` reads.
    :param identity: Texts are cut at its `max_tokens`.
    :param threads: Cores to use.
    :raises UnknownParts: if the model needs inputs that this module does not make.
    :raises ModelError: if it cannot be read, or cannot take `max_tokens` tokens.
    """

    def __init__(self, directory: Path, parts: ModelParts, identity: EncoderIdentity, threads: int) -> None:
        self.identity = identity
        self.directory = directory
        self._parts = parts
        self._threads = threads
        self._tokenizer = open_tokenizer(directory / TOKENIZER_FILE)
        self._special = int(self._tokenizer.num_special_tokens_to_add(False))
        self._session = _open_session(directory / MODEL_FILE)
        self._beside: Any = None
        self._beside_free = threading.Lock()
        self._inputs = [each.name for each in self._session.get_inputs()]
        if unknown := set(self._inputs) - _INPUTS:
            raise UnknownParts(f"{directory}: inputs {sorted(unknown)}")
        self._warm_up(self._session)

    def encode_queries(self, texts: Sequence[str]) -> Vectors:
        """Return (len(texts), dim) float32 unit vectors, the query prompt put before each text."""
        return self._encode([self.identity.query_prompt + text for text in texts])

    def encode_documents(self, texts: Sequence[str]) -> Vectors:
        """Return (len(texts), dim) float32 unit vectors, the document prompt put before each text."""
        return self._encode([self.identity.document_prompt + text for text in texts])

    def count_tokens(self, text: str) -> int:
        """Return how many tokens a document has before the limit cuts it, prompt and special tokens included."""
        return len(self._tokenize(self.identity.document_prompt + text).ids) + self._special

    def _encode(self, prompted: list[str]) -> Vectors:
        vectors = np.empty((len(prompted), self.identity.dim), dtype=np.float32)

        def encode(at: int) -> None:
            vectors[at] = self._vector(self._session, prompted[at])

        if self._threads == 1:
            for at in range(len(prompted)):
                encode(at)
            return vectors
        if len(prompted) == 1:
            vectors[0] = self._alone(prompted[0])
            return vectors
        longest_first = sorted(range(len(prompted)), key=lambda at: -len(prompted[at]))  # threads end together
        with ThreadPoolExecutor(self._threads) as pool:
            for _ in pool.map(encode, longest_first):
                pass
        return vectors

    def _alone(self, prompted: str) -> Vectors:
        """Return the vector of one text, using several cores, or one core if another text uses them."""
        if not self._beside_free.acquire(blocking=False):
            return self._vector(self._session, prompted)
        try:
            if self._beside is None:
                opened = _open_session(self.directory / MODEL_FILE, min(self._threads, _BESIDE))
                self._warm_up(opened)
                self._beside = opened
            return self._vector(self._beside, prompted)
        finally:
            self._beside_free.release()

    def _vector(self, session: Any, prompted: str) -> Vectors:
        encoding = self._tokenize(prompted)
        encoding.truncate(self.identity.max_tokens - self._special, direction=self._parts.cut)
        encoding = self._tokenizer.post_process(encoding)
        tokens = self._run(session, np.array([encoding.ids]), np.array([encoding.type_ids]))
        pooled = tokens.mean(axis=0) if self._parts.pooling == "mean" else tokens[0]
        return np.asarray(pooled / np.linalg.norm(pooled), dtype=np.float32)

    def _tokenize(self, prompted: str) -> Encoding:
        # JSON may hold a lone surrogate. It is dropped, since the tokenizer would refuse the whole text.
        return self._tokenizer.encode(prompted.encode("utf-8", "ignore").decode(), add_special_tokens=False)

    def _run(self, session: Any, ids: NDArray[np.int64], types: NDArray[np.int64]) -> Vectors:
        """Return the vectors of one text's tokens, (tokens, dim) float32."""
        given = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": types}
        found: Vectors = session.run(None, {name: given[name] for name in self._inputs})[0][0]
        return found

    def _warm_up(self, session: Any) -> None:
        """Run a long text once: too high a limit fails now, and memory grows less later."""
        own, limit = self._parts.max_tokens, self.identity.max_tokens
        blank = np.zeros((1, limit if limit > own else min(limit, _WARM_TOKENS)), dtype=np.int64)
        try:
            self._run(session, blank, blank)
        except Exception as error:  # of ONNX Runtime's own kinds
            if limit <= own:
                raise ModelError(f"model {self.identity.name}: cannot be run: {error}") from error
            raise ModelError(f"max_tokens: {limit}: too many for the model, whose own limit is {own}") from error


def _open_session(path: Path, cores: int = 1) -> Any:
    import onnxruntime

    try:
        return onnxruntime.InferenceSession(str(path), session_options(cores), providers=["CPUExecutionProvider"])
    except Exception as error:  # of ONNX Runtime's own kinds
        raise ModelError(f"model {path.parent.parent}: cannot be loaded: {error}") from error


def session_options(cores: int = 1, optimised: bool = True) -> Any:
    """Return the session options for any model.

    :param cores: Cores for one text; one by default, since each of our threads runs a text.
    :param optimised: Whether the model is optimised already, as the int8 models are; else it is optimised when opened.
    """
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = cores  # ONNX Runtime ignores OMP_NUM_THREADS
    for name, value in {
        "session.force_spinning_stop": "1",  # waiting threads spin; that is useful only while a text is run
        "session.dynamic_block_base": "4",  # smaller pieces of work save a twentieth of a query's time
    }.items():
        options.add_session_config_entry(name, value)
    if optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return options
