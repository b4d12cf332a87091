"""What is taken out of a graph leaves its results as they are; what is not understood stays."""

from __future__ import annotations

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper
from onnxruntime import InferenceSession

from models.quantise import drop_attention_mask, fix_shapes, fuse_attention

DIM, HEADS = 8, 2


def graph(nodes, outputs, **constants):
    """Return a model from hidden states and a mask; a node is its operator, inputs, output and attributes."""
    made = [helper.make_node(op, inputs.split(), [output], **attributes) for op, inputs, output, attributes in nodes]
    given = [
        helper.make_tensor_value_info("hidden", TensorProto.FLOAT, ["batch", "tokens", DIM]),
        helper.make_tensor_value_info("attention_mask", TensorProto.FLOAT, ["batch", 1, 1, "tokens"]),
    ]
    found = [helper.make_tensor_value_info(name, TensorProto.FLOAT, None) for name in outputs.split()]
    kept = [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()]
    model = helper.make_model(
        helper.make_graph(made, "made-up", given, found, kept), opset_imports=[helper.make_opsetid("", 18)]
    )
    model.ir_version = 8
    return model


def run(model, tokens):
    hidden = np.random.default_rng(tokens).standard_normal((1, tokens, DIM)).astype(np.float32)
    given = {"hidden": hidden, "attention_mask": np.ones((1, 1, 1, tokens), dtype=np.float32)}
    session = InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(None, {each.name: given[each.name] for each in session.get_inputs()})


def kinds(model):
    return [node.op_type for node in model.graph.node]


def same(before, model):
    for tokens in (1, 2, 7):
        for expected, found in zip(before[tokens], run(model, tokens), strict=True):
            assert np.array_equal(expected, found)


def results(model):
    return {tokens: run(model, tokens) for tokens in (1, 2, 7)}


BIAS = [("Sub", "one attention_mask", "absent", {}), ("Mul", "absent low", "bias", {})]
SCORES = [("Transpose", "hidden", "turned", {"perm": [0, 2, 1]}), ("MatMul", "hidden turned", "scores", {})]
NUMBERS = {"one": np.float32(1), "low": np.float32(-1e9)}
ATTENTION = [("Softmax", "masked", "weights", {"axis": -1}), ("MatMul", "weights hidden", "out", {})]


@pytest.mark.parametrize("order", ["scores flat", "flat scores"])
def test_the_mask_is_dropped(order):
    nodes = [*BIAS, ("Squeeze", "bias axis", "flat", {}), *SCORES, ("Add", order, "masked", {}), *ATTENTION]
    model = graph(nodes, "out", axis=np.array([1]), **NUMBERS)
    before = results(model)
    drop_attention_mask(model)
    assert kinds(model) == ["Transpose", "MatMul", "Softmax", "MatMul"]
    assert [each.name for each in model.graph.input] == ["hidden"]
    same(before, model)


def test_a_residual_is_not_taken_for_a_mask():
    # Masked by choice, as in some models: all that comes after depends on the mask.
    nodes = [
        *[("Cast", "attention_mask", "kept", {"to": TensorProto.BOOL}), ("Squeeze", "kept axis", "flat", {})],
        *SCORES,
        *[("Where", "flat scores low", "masked", {}), *ATTENTION, ("Add", "hidden out", "sum", {})],
        ("LayerNormalization", "sum scale", "normal", {}),
    ]
    model = graph(nodes, "normal", axis=np.array([1]), scale=np.ones(DIM, dtype=np.float32), **NUMBERS)
    before, whole = results(model), kinds(model)
    drop_attention_mask(model)
    assert kinds(model) == whole
    same(before, model)


def test_what_is_added_besides_the_mask_stays():
    nodes = [
        *[*BIAS, ("Squeeze", "bias axis", "flat", {}), *SCORES, ("Add", "scores near", "placed", {})],
        *[("Add", "placed flat", "masked", {}), *ATTENTION],
    ]
    model = graph(nodes, "out", axis=np.array([1]), near=np.float32(0.25), **NUMBERS)
    before = results(model)
    drop_attention_mask(model)
    assert kinds(model).count("Add") == 1
    same(before, model)


def split(shape):
    """Return nodes that split hidden states into heads, as exports do, and the heads' width as a factor."""
    return [
        *[
            ("Shape", "hidden", "all", {}),
            ("Gather", "all zero", "first", {}),
            ("Unsqueeze", "first axis", "batch", {}),
        ],
        *[("Gather", "all one", "second", {}), ("Unsqueeze", "second axis", "tokens", {})],
        *[("Concat", shape, "shape", {"axis": 0}), ("Reshape", "hidden shape", "split", {})],
        *[("Shape", "split", "sizes", {}), ("Slice", "sizes last end", "width", {})],
        *[("Cast", "width", "float", {"to": TensorProto.FLOAT}), ("Div", "split float", "out", {})],
    ]


INTEGERS = {
    **{"zero": np.array(0), "one": np.array(1), "axis": np.array([0]), "last": np.array([-1])},
    **{
        "end": np.array([2**63 - 1]),
        "heads": np.array([HEADS]),
        "each": np.array([DIM // HEADS]),
        "any": np.array([-1]),
    },
}


@pytest.mark.parametrize("shape", ["batch any heads each", "batch tokens heads each", "batch heads each any"])
def test_shapes_are_constants(shape):
    model = graph(split(shape), "out", **INTEGERS)
    before = results(model)
    fix_shapes(model)
    assert "Concat" not in kinds(model)
    if not shape.endswith("any"):
        assert kinds(model) == ["Reshape", "Cast", "Div"]
    same(before, model)


@pytest.mark.parametrize("shape", ["batch tokens any each", "tokens any", "heads tokens each", "batch two heads each"])
def test_shapes_of_another_kind_stay(shape):
    # Two dimensions that only a run tells, a first one that is not the batch, and nothing to be filled in.
    numbers = {
        **INTEGERS,
        "heads": np.array([1]),
        "each": np.array([DIM]),
        "any": np.array([DIM]),
        "two": np.array([1]),
    }
    if shape == "batch tokens any each":
        numbers |= {"any": np.array([-1])}
    model = graph([*split(shape)[:7], ("Identity", "split", "out", {})], "out", **numbers)
    whole = kinds(model)
    fix_shapes(model)
    assert "Concat" in whole
    assert "Concat" in kinds(model)


def attention(**changed):
    """Return nodes from hidden states to the joined heads of an attention, as they are once they are optimised.

    :param changed: A node's output and what of it is otherwise: its inputs, or an attribute.
    """
    nodes = []
    for name, order in (("query", [0, 2, 1, 3]), ("key", [0, 2, 3, 1]), ("value", [0, 2, 1, 3])):
        nodes += [
            ("MatMul", f"hidden {name}_weight", name, {}),
            ("Reshape", f"{name} apart", f"{name}_split", {}),
            ("Transpose", f"{name}_split", f"{name}_heads", {"perm": order}),
        ]
    nodes += [
        ("FusedMatMul", "query_heads key_heads", "scores", {"domain": "com.microsoft", "alpha": 0.4}),
        ("Softmax", "scores", "weights", {"axis": -1}),
        ("MatMul", "weights value_heads", "weighed", {}),
        ("Transpose", "weighed", "turned", {"perm": [0, 2, 1, 3]}),
        ("Reshape", "turned together", "joined", {}),
        ("Add", "joined hidden", "out", {}),
    ]
    return [
        (op, changed.get(output, inputs), output, attributes | changed.get(f"{output}_attributes", {}))
        for op, inputs, output, attributes in nodes
    ]


def attending(outputs="out", nodes=None, **shapes):
    chance = np.random.default_rng(0)
    weights = {
        f"{name}_weight": chance.standard_normal((DIM, DIM)).astype(np.float32) for name in ("query", "key", "value")
    }
    shapes = {"apart": [0, -1, HEADS, DIM // HEADS], "together": [0, -1, DIM], **shapes}
    model = graph(nodes or attention(), outputs, **weights, **{name: np.array(each) for name, each in shapes.items()})
    model.opset_import.append(helper.make_opsetid("com.microsoft", 1))
    return model


def test_attention_is_one_kernel():
    model = attending()
    before = results(model)
    fuse_attention(model)
    assert kinds(model) == ["MatMul", "MatMul", "MatMul", "MultiHeadAttention", "Add"]
    assert {each.name for each in model.graph.initializer} == {"query_weight", "key_weight", "value_weight"}
    for tokens, expected in before.items():
        np.testing.assert_allclose(run(model, tokens)[0], expected[0], rtol=1e-5, atol=1e-5)


def test_what_else_is_made_of_the_weights_stays():
    model = attending("out weights")
    before = results(model)
    fuse_attention(model)
    assert kinds(model).count("MultiHeadAttention") == kinds(model).count("Softmax") == 1
    for tokens, expected in before.items():
        for one, other in zip(run(model, tokens), expected, strict=True):
            np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-5)


def test_of_two_layers_both():
    second = [
        (
            op,
            " ".join(f"second_{name}" if name in made or name == "hidden" else name for name in inputs.split()),
            out,
            more,
        )
        for made in [{output for _, _, output, _ in attention()}]
        for op, inputs, output, more in attention()
        for out in [f"second_{output}"]
    ]
    nodes = [*attention(), ("Identity", "out", "second_hidden", {}), *second]
    model = attending("second_out", nodes)
    before = results(model)
    fuse_attention(model)
    assert kinds(model).count("MultiHeadAttention") == 2
    assert "Softmax" not in kinds(model)
    for tokens, expected in before.items():
        np.testing.assert_allclose(run(model, tokens)[0], expected[0], rtol=1e-4, atol=1e-4)


def test_a_weight_that_only_a_branch_reads_stays():
    number = helper.make_tensor_value_info("one", TensorProto.FLOAT, None)
    branches = {
        name: helper.make_graph([helper.make_node("Identity", [of], ["one"])], name, [], [number])
        for name, of in (("then_branch", "low"), ("else_branch", "high"))
    }
    nodes = [("If", "yes", "chosen", branches), ("Add", "hidden chosen", "out", {})]
    numbers = {"yes": np.array(True), "low": np.float32(-1), "high": np.float32(1), "unused": np.float32(0)}
    model = graph(nodes, "out", **numbers)
    before = results(model)
    fuse_attention(model)
    assert {each.name for each in model.graph.initializer} == {"yes", "low", "high"}
    same(before, model)


@pytest.mark.parametrize(
    ("nodes", "shapes"),
    [
        pytest.param({"scores_attributes": {"alpha": 0.0}}, {}, id="no scale"),
        pytest.param(
            {"scores_attributes": {"transB": 1}, "key_heads_attributes": {"perm": [0, 2, 1, 3]}}, {}, id="turned"
        ),
        pytest.param({"weights_attributes": {"axis": 2}}, {}, id="softmax over queries"),
        pytest.param({"turned_attributes": {"perm": [0, 1, 2, 3]}}, {}, id="heads not joined"),
        pytest.param({"weighed": "scores value_heads"}, {}, id="no softmax"),
        pytest.param(
            {"value_split": "value other"}, {"apart": [0, -1, 1, DIM], "other": [0, 0, 1, -1]}, id="unlike shapes"
        ),
        pytest.param({}, {"together": [-1, DIM]}, id="batches joined"),
    ],
)
def test_attention_of_another_make(nodes, shapes):
    model = attending(nodes=attention(**nodes), **shapes)
    before = results(model)
    fuse_attention(model)
    assert "MultiHeadAttention" not in kinds(model)
    same(before, model)


@pytest.mark.parametrize(
    "changed",
    [
        *[{"scores_attributes": {option: 1}} for option in ("transA", "transB", "transBatchA", "transBatchB")],
        *[{f"{name}_heads_attributes": {"perm": [0, 1, 2, 3]}} for name in ("query", "key", "value")],
    ],
)
def test_attention_that_would_not_run_as_it_is(changed):
    model = attending(nodes=attention(**changed))
    whole = kinds(model)
    fuse_attention(model)
    assert kinds(model) == whole
