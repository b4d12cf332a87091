"""Turns a float ONNX export into an int8 model that runs one text at a time.

Owns the recipe: which nodes leave the graph, how weights are quantised, which nodes are fused. Knows
nothing of sentence-transformers and of how the model is used.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from numpy.typing import NDArray
from onnx import NodeProto, TensorProto, helper, numpy_helper
from onnxruntime import GraphOptimizationLevel, InferenceSession, SessionOptions
from onnxruntime.quantization import QuantType, quantize_dynamic

WEIGHTS_FILE = "weights.bin"

_MAPPED_BYTES = 1 << 16
_BY_HEAD, _BY_HEAD_TURNED = [0, 2, 1, 3], [0, 2, 3, 1]
"""The axis orders of (batch, tokens, heads, width) for products of heads."""

_MOST_DIMENSIONS = 8
_MAX_MESSAGE = 2**31 - 1
"""Protobuf cannot pass a larger model to shape inference."""


def quantise(exported: Path, target: Path, kind: str) -> None:
    """Write the int8 model of a float export, with its weights in a second file that processes map and share.

    :param exported: The float model, from input_ids, attention_mask and perhaps token_type_ids.
    :param target: Where the int8 model goes; its weights go beside it.
    :param kind: From `cpu.int8_kind`.
    """
    model = onnx.load(str(exported))
    drop_attention_mask(model)
    fix_shapes(model)
    # Weight scales are per channel, and products of two activations stay in float: cosine 0.997 to fp32 instead of
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
    optimised = onnx.load(str(target), load_external_data=False)
    fuse_attention(optimised)
    onnx.save(optimised, str(target))


def _optimise(source: Path, target: Path) -> None:
    options = SessionOptions()
    options.graph_optimization_level = GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.optimized_model_filepath = str(target)
    options.log_severity_level = 3  # otherwise it warns of every constant that is left over after fusing
    for name, value in {
        # The fused kernel of a sum and its layer normalisation takes five times as long as the two separate ones.
        "optimization.disable_specified_optimizers": "SkipLayerNormFusion",
        "session.optimized_model_external_initializers_file_name": WEIGHTS_FILE,
        "session.optimized_model_external_initializers_min_size_in_bytes": str(_MAPPED_BYTES),
    }.items():
        options.add_session_config_entry(name, value)
    InferenceSession(str(source), options, providers=["CPUExecutionProvider"])


def drop_attention_mask(model: onnx.ModelProto) -> None:
    """Remove the mask's summand from every softmax. It is zero, since a text by itself has no masked token."""
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
    """Replace shapes that every run would compute again with constants: two fifths of the nodes, a tenth of the time.

    These are the shapes of a Reshape that keeps the batch dimension and leaves one other dimension to be inferred.
    """
    for node, rest in list(_reshapes_of_batches(model)):
        if sum(part in (None, -1) for part in rest) == 1:
            shape = [0, *(-1 if part is None else part for part in rest)]
            node.input[1] = _constant(model, f"{node.output[0]}_shape", shape)
    _prune(model)
    if model.ByteSize() <= _MAX_MESSAGE:
        _fix_slices(model)


def _reshapes_of_batches(model: onnx.ModelProto) -> Iterator[tuple[NodeProto, list[int | None]]]:
    """Yield each Reshape whose shape the graph builds from the batch size and other sizes.

    Each comes with these other sizes, None where only a run shows the size.
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
    """Replace slices of shapes that are known by now, such as the width of a head, with constants."""
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


def fuse_attention(model: onnx.ModelProto) -> None:
    """Replace the eleven kernels that split, weigh and join heads with one.

    Two cores that share a query then synchronise less often: a query takes a twelfth less time, a long text no less.

    :param model: An optimised model, whose scales are part of products. Attention of any other form stays unchanged.
    """
    made_by, lists = _producers(model), _constant_lists(model)
    for node in model.graph.node:
        fused = _fused(node, made_by, lists)
        if fused is not None:
            node.CopyFrom(fused)
    _prune(model)


def _fused(join: NodeProto, made_by: dict[str, NodeProto], lists: dict[str, list[int]]) -> NodeProto | None:
    """Return the kernel that replaces the last node of a self-attention, None if this is not such a node."""
    match _chain(join, made_by, "Reshape", "Transpose", "MatMul", "Softmax", "FusedMatMul"):
        case [_, turned, weighed, softmax, scores]:
            given = scores.input[0], scores.input[1], weighed.input[1]
        case _:
            return None
    options = _attributes(scores)
    scale = options.pop("alpha", 1.0)
    if not scale or any(options.values()) or _attributes(softmax).get("axis") != -1 or not _turns(turned, _BY_HEAD):
        return None
    heads: set[tuple[int, ...]] = set()
    sources = []
    for name, order in zip(given, (_BY_HEAD, _BY_HEAD_TURNED, _BY_HEAD), strict=True):
        match _chain(made_by.get(name), made_by, "Transpose", "Reshape"):
            case [transpose, reshape] if _turns(transpose, order):
                sources.append(reshape.input[0])
                heads.add(tuple(lists.get(reshape.input[1], ())))
    match [*heads]:
        case [(0, -1, count, width)] if len(sources) == 3 and lists.get(join.input[1]) == [0, -1, count * width]:
            return helper.make_node(
                "MultiHeadAttention", sources, [join.output[0]], domain="com.microsoft", num_heads=count, scale=scale
            )
    return None


def _chain(node: NodeProto | None, made_by: dict[str, NodeProto], *kinds: str) -> list[NodeProto] | None:
    """Return this node and the chain of nodes behind its first input, if they are of these kinds."""
    found = []
    for kind in kinds:
        if node is None or node.op_type != kind:
            return None
        found.append(node)
        node = made_by.get(node.input[0])
    return found


def _attributes(node: NodeProto) -> dict[str, Any]:
    return {each.name: helper.get_attribute_value(each) for each in node.attribute}


def _turns(transpose: NodeProto, order: list[int]) -> bool:
    return bool(_attributes(transpose).get("perm") == order)


def _constant_lists(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Return the constant lists of a few whole numbers, such as shapes, by name."""
    kept = [t for t in model.graph.initializer if t.data_type == TensorProto.INT64 and len(t.dims) == 1]
    return {
        tensor.name: numpy_helper.to_array(tensor).tolist() for tensor in kept if tensor.dims[0] <= _MOST_DIMENSIONS
    }


def _producers(model: onnx.ModelProto) -> dict[str, NodeProto]:
    return {name: node for node in model.graph.node for name in node.output}


def _constants(model: onnx.ModelProto) -> dict[str, NDArray[Any]]:
    """Return the constants that are one number, by name."""
    tensors = {node.output[0]: node.attribute[0].t for node in model.graph.node if node.op_type == "Constant"}
    tensors |= {tensor.name: tensor for tensor in model.graph.initializer}
    single = {name: tensor for name, tensor in tensors.items() if np.prod(tensor.dims) == 1}
    return {name: numpy_helper.to_array(tensor) for name, tensor in single.items()}


def _constant(model: onnx.ModelProto, name: str, values: Sequence[int | None]) -> str:
    model.graph.initializer.append(numpy_helper.from_array(np.array(values, dtype=np.int64), name))
    return name


def _prune(model: onnx.ModelProto) -> None:
    """Remove unused nodes, then unused inputs and weights."""
    graph = model.graph
    used: set[str] = {output.name for output in graph.output}
    for node in reversed(list(graph.node)):  # in topological order, as every ONNX graph
        if used.isdisjoint(node.output):
            graph.node.remove(node)
        else:
            used.update(_read_by(node))
    for kept in (graph.input, graph.initializer):
        for at in reversed(range(len(kept))):
            if kept[at].name not in used:
                del kept[at]


def _read_by(node: NodeProto) -> set[str]:
    """Return the names of all values that a node reads, including those within its branches and loops."""
    read = {*node.input}
    for inner in (graph for each in node.attribute for graph in (each.g, *each.graphs)):
        read.update(*map(_read_by, inner.node), [output.name for output in inner.output])
    return read
