"""From a float ONNX export to an int8 model that is run one text at a time.

Owns the recipe: what is taken out of the graph, how weights are quantised, what is fused and what is not. Knows
nothing of sentence-transformers and of how the model is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, numpy_helper
from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions
from onnxruntime.quantization import QuantType, quantize_dynamic

WEIGHTS_FILE = "weights.bin"

_MAPPED_BYTES = 1 << 16
_MAX_MESSAGE = 2**31 - 1
"""Larger than this, protobuf cannot hand a model to shape inference."""


def quantise(exported: Path, target: Path, kind: str) -> None:
    """Write the int8 model of a float export, its weights in a file beside it, which processes map and share.

    :param exported: The float model, from input_ids, attention_mask and perhaps token_type_ids.
    :param target: Where the int8 model goes; its weights go beside it.
    :param kind: From `cpu.int8_kind`.
    """
    model = onnx.load(str(exported))
    drop_attention_mask(model)
    fix_shapes(model)
    # Per-channel weight scales, and matrices of two activations left in float: cosine 0.997 to fp32 instead of
    # 0.995, and a tenth faster. Without VNNI, 8-bit products overflow 16 bits, hence the reduced range.
    whole = target.with_suffix(".whole")
    quantize_dynamic(
        model,
        str(whole),
        weight_type=QuantType.QInt8,
        per_channel=True,
        reduce_range=kind == "avx2",
        extra_options={"MatMulConstBOnly": True, "DefaultTensorType": TensorProto.FLOAT},
    )
    _optimise(whole, target)
    whole.unlink()


def _optimise(source: Path, target: Path) -> None:
    options = SessionOptions()
    options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3  # it warns of every constant that fusing leaves over
    for name, value in {
        # The fused kernel of a sum and its layer normalisation takes five times as long as the two by themselves.
        "optimization.disable_specified_optimizers": "SkipLayerNormFusion",
        "session.optimized_model_external_initializers_file_name": WEIGHTS_FILE,
        "session.optimized_model_external_initializers_min_size_in_bytes": str(_MAPPED_BYTES),
    }.items():
        options.add_session_config_entry(name, value)
    InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


def drop_attention_mask(model: onnx.ModelProto) -> None:
    """Take the mask's summand out of every softmax: of a text by itself no token is masked, so that it is zero."""
    graph = model.graph
    masked = {"attention_mask"}
    for node in graph.node:
        if node.op_type != "Add" and not masked.isdisjoint(node.input):
            masked.update(node.output)
    softmaxes = {name for node in graph.node if node.op_type == "Softmax" for name in node.input}
    instead = {}
    for node in list(graph.node):
        if node.op_type == "Add" and node.output[0] in softmaxes and len(masked.intersection(node.input)) == 1:
            (instead[node.output[0]],) = set(node.input) - masked
            graph.node.remove(node)
    for node in graph.node:
        for at, name in enumerate(node.input):
            node.input[at] = instead.get(name, name)
    _prune(model)


def fix_shapes(model: onnx.ModelProto) -> None:
    """Write shapes that every run would work out anew as constants: two fifths of the nodes, a tenth of the time.

    They are those of a Reshape that keeps the first dimension, the batch, and leaves one other to be filled in.
    """
    for node, rest in list(_reshapes_of_batches(model)):
        if sum(part in (None, -1) for part in rest) == 1:
            shape = [0, *(-1 if part is None else part for part in rest)]
            node.input[1] = _constant(model, f"{node.output[0]}_shape", shape)
    _prune(model)
    if model.ByteSize() <= _MAX_MESSAGE:
        _fix_slices(model)


def _reshapes_of_batches(model: onnx.ModelProto) -> Iterator[tuple[NodeProto, list[int | None]]]:
    """Yield each Reshape to a shape that is put together in the graph from the batch's size and others.

    With it, these others, None where only a run tells.
    """
    made_by, known = _producers(model), _constants(model)

    def batch(name: str) -> bool:
        unsqueeze = made_by.get(name)
        gather = made_by.get(unsqueeze.input[0]) if unsqueeze is not None else None
        shape = made_by.get(gather.input[0]) if gather is not None and gather.op_type == "Gather" else None
        return gather is not None and shape is not None and shape.op_type == "Shape" and known.get(gather.input[1]) == 0

    for node in model.graph.node:
        concat = made_by.get(node.input[1]) if node.op_type == "Reshape" else None
        if concat is not None and concat.op_type == "Concat" and batch(concat.input[0]):
            yield node, [int(known[name].item()) if name in known else None for name in concat.input[1:]]


def _fix_slices(model: onnx.ModelProto) -> None:
    """Write slices of shapes that are known by now, the width of a head, as constants."""
    inferred = onnx.shape_inference.infer_shapes(model, data_prop=True).graph.value_info
    shapes = {value.name: [d.dim_value for d in value.type.tensor_type.shape.dim] for value in inferred}
    made_by, known = _producers(model), _constants(model)
    for node in list(model.graph.node):
        shape = made_by.get(node.input[0]) if node.op_type == "Slice" else None
        if shape is None or shape.op_type != "Shape" or not {*node.input[1:3]} <= known.keys():
            continue
        found = shapes.get(shape.input[0], [])[slice(*(int(known[name].item()) for name in node.input[1:3]))]
        if found and all(found):
            _constant(model, node.output[0], found)
            model.graph.node.remove(node)
    _prune(model)


def _producers(model: onnx.ModelProto) -> dict[str, NodeProto]:
    return {name: node for node in model.graph.node for name in node.output}


def _constants(model: onnx.ModelProto) -> dict[str, NDArray[Any]]:
    """Return the constants of one number, by name."""
    tensors = {node.output[0]: node.attribute[0].t for node in model.graph.node if node.op_type == "Constant"}
    tensors |= {tensor.name: tensor for tensor in model.graph.initializer}
    single = {name: tensor for name, tensor in tensors.items() if np.prod(tensor.dims) == 1}
    return {name: numpy_helper.to_array(tensor) for name, tensor in single.items()}


def _constant(model: onnx.ModelProto, name: str, values: Sequence[int | None]) -> str:
    model.graph.initializer.append(numpy_helper.from_array(np.array(values, dtype=np.int64), name))
    return name


def _prune(model: onnx.ModelProto) -> None:
    """Remove what nothing is made of any more: nodes, then inputs."""
    graph = model.graph
    used: set[str] = {output.name for output in graph.output}
    for node in reversed(list(graph.node)):  # in topological order, as every ONNX graph
        if used.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            used.update(node.input)
    for given in list(graph.input):
        if given.name not in used:
            graph.input.remove(given)
