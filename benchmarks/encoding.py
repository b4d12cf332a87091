"""Tokens encoded a second, beside what a plain loop in torch reaches and what this machine's int8 units could.

The machine's own rate is that of bare int8 matrix products (ONNX's MatMulInteger: bytes in, 32-bit sums out, no
quantising, no scales, no bias) of the model's own shapes, at the length of the text that the mean token stands in, in
as many threads as the encoder has, each shape as often as a layer has it. It is what this runtime makes of this
processor, not what the processor's data sheet says. The share reached counts the model's int8 products alone as
useful; quantising activations, attention in float, softmax, normalisation and the like are where the rest goes, and
ONNX Runtime's own profile says how much into which. Rounds are interleaved.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

import numpy as np
import torch
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession
from sentence_transformers import SentenceTransformer

from benchmarks import common
from benchmarks.quality import encoder
from models import bundled, catalogue
from models.cpu import available_threads
from models.onnx import MODEL_FILE, OnnxEncoder, open_tokenizer, session_options

ARTICLES, ROUNDS, PROFILED = 100, 3, 40
PRODUCTS = 20
"""Products of each shape in one timing; one takes tens of microseconds."""

PARTS = {
    "int8 products, quantising and scaling": ("DynamicQuantizeMatMul", "MatMulIntegerToFloat", "DynamicQuantizeLinear"),
    "attention, in float": ("MultiHeadAttention", "MatMul", "FusedMatMul", "Softmax"),
    "GELU": ("Gelu",),
    "sums and layer normalisation": ("Add", "LayerNormalization", "SkipLayerNormalization"),
    "moving heads": ("Transpose", "Reshape"),
}
Shape = tuple[int, int]


def layer_shapes(model: OnnxEncoder) -> tuple[int, Counter[Shape]]:
    """Return how many layers the model has, and the (in, out) of a layer's int8 products with how often each is."""
    config = json.loads((model.directory / "config.json").read_text(encoding="utf-8"))
    hidden, inner = config["hidden_size"], config["intermediate_size"]
    return config["num_hidden_layers"], Counter({(hidden, hidden): 4, (hidden, inner): 1, (inner, hidden): 1})


def operations(model: OnnxEncoder) -> int:
    """Return the int8 operations of one token: two for each weight."""
    layers, shapes = layer_shapes(model)
    return 2 * layers * sum(count * rows * columns for (rows, columns), count in shapes.items())


def product(rows: int, shape: Shape) -> Callable[[], object]:
    """Return a bare int8 product of (rows, in) uint8 with (in, out) int8, to be called."""
    random = np.random.default_rng(common.SEED)
    weights = random.integers(-127, 128, shape, dtype=np.int8)
    given = random.integers(0, 256, (rows, shape[0]), dtype=np.uint8)
    node = helper.make_node("MatMulInteger", ["given", "weights", "zero"], ["sums"])
    kept = [numpy_helper.from_array(weights, "weights"), numpy_helper.from_array(np.array(128, np.uint8), "zero")]
    inputs = [helper.make_tensor_value_info("given", TensorProto.UINT8, [rows, shape[0]])]
    outputs = [helper.make_tensor_value_info("sums", TensorProto.INT32, [rows, shape[1]])]
    graph = helper.make_graph([node], "product", inputs, outputs, kept)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=8)
    session = InferenceSession(model.SerializeToString(), session_options(), providers=["CPUExecutionProvider"])
    return lambda: session.run(None, {"given": given})


def machine_rate(model: OnnxEncoder, rows: int, threads: int) -> Callable[[], float]:
    """Return a function that measures int8 operations a second of the model's products, all threads at once."""
    _, shapes = layer_shapes(model)
    products = [product(rows, shape) for shape, count in shapes.items() for _ in range(count)]
    total = 2 * rows * sum(count * shape[0] * shape[1] for shape, count in shapes.items()) * PRODUCTS * threads

    def work(_: int) -> None:
        for _ in range(PRODUCTS):
            for call in products:
                call()

    def measure() -> float:
        started = perf_counter()
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(work, range(threads)))
        return total / (perf_counter() - started)

    measure()
    return measure


def profile(model: OnnxEncoder, texts: Sequence[str]) -> dict[str, float]:
    """Return the share of one thread's time that each part of encoding takes, by ONNX Runtime's profile."""
    tokenizer, prompt = open_tokenizer(model.directory / "tokenizer.json"), model.identity.document_prompt
    started = perf_counter()
    found = [tokenizer.encode(prompt + text).ids[: model.identity.max_tokens] for text in texts]
    tokenising = perf_counter() - started
    with common.scratch() as directory:
        options = session_options()
        options.enable_profiling, options.profile_file_prefix = True, str(directory / "profile")
        session = InferenceSession(str(model.directory / MODEL_FILE), options, providers=["CPUExecutionProvider"])
        for ids in found:
            given = {"input_ids": np.array([ids]), "token_type_ids": np.zeros((1, len(ids)), dtype=np.int64)}
            session.run(None, given)
        events: list[dict[str, Any]] = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    seconds: Counter[str] = Counter({"tokenising": tokenising})
    of = {kind: part for part, kinds in PARTS.items() for kind in kinds}
    for event in events:
        if event["name"].endswith("_kernel_time"):
            seconds[of.get(event["args"]["op_name"], "the rest")] += event["dur"] / 1e6
    return {part: spent / seconds.total() for part, spent in seconds.most_common()}


def main() -> None:
    """Run and save."""
    given = common.articles("vims", ARTICLES)
    texts = [text for article in given for text in article.views]
    model, threads = encoder(), available_threads()
    assert isinstance(model, OnnxEncoder), "on this machine the int8 model cannot be used"
    torch.set_num_threads(threads)
    directory = bundled.ensure(catalogue.models_home() / f"multilingual-e5-small-{bundled.REVISION}")
    peer = SentenceTransformer(str(directory), device="cpu")
    lengths = [min(model.count_tokens(text), model.identity.max_tokens) for text in texts]
    tokens, rows = sum(lengths), round(sum(length**2 for length in lengths) / sum(lengths))
    bare = machine_rate(model, rows, threads)
    ways: dict[str, Callable[[Sequence[str]], object]] = {
        "lienquan": model.encode_documents,
        "torch": lambda some: peer.encode(list(some), prompt="passage: ", show_progress_bar=False),
    }
    rates: dict[str, list[float]] = {way: [] for way in (*ways, "machine")}
    for call in ways.values():
        call(texts[:8])
    for _ in range(ROUNDS):
        for way, call in ways.items():
            started = perf_counter()
            call(texts)
            rates[way].append(tokens / (perf_counter() - started))
        rates["machine"].append(bare())
    found = {way: median(each) for way, each in rates.items()}
    longest = sorted(texts, key=len)[-PROFILED:]
    common.save(
        "encoding",
        {
            "articles": len(given),
            "texts": len(texts),
            "tokens": tokens,
            "rounds": ROUNDS,
            "precision": model.identity.precision,
            "tokens_per_second": {way: found[way] for way in ways},
            "against_torch": found["lienquan"] / found["torch"],
            "machine_operations_per_second": found["machine"],
            "share": found["lienquan"] * operations(model) / found["machine"],
            "profiled_tokens": float(np.mean([model.count_tokens(text) for text in longest])),
            "profile": profile(model, longest),
        },
    )


if __name__ == "__main__":
    main()
