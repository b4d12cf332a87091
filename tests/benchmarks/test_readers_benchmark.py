"""Measures of readers' queries, worked out by hand."""

import pytest

from benchmarks import readers
from benchmarks.readers import Asked, answered, measured


def asked(right, first, strong, kind="topic", half="look"):
    return Asked(kind, half, right, first, strong, len(strong))


def test_answered_by_hand():
    given = [
        asked({"a": 2.0, "b": 1.0}, ["x", "b", "y", "a"], ["x", "b"]),  # right at 2, the answer itself only at 4
        asked({"c": 2.0}, ["x", "y", "z", "c"], []),
        asked({"d": 2.0}, [], []),
        asked({"e": 2.0}, ["e"], ["e"]),
    ]
    assert answered(given) == {
        "success@3": 0.5,
        "answers@3": 0.25,
        "empty": 1.0,
        "precision": pytest.approx(2 / 3),
        "recall": pytest.approx(2 / 5),
        "queries": 4.0,
    }


def test_no_queries_measure_nothing():
    assert set(answered([]).values()) == {0.0}


def test_rows_keep_kinds_and_halves_apart_and_leave_out_those_without_an_answer():
    given = [
        asked({"a": 2.0}, ["a"], []),
        asked({"a": 2.0}, ["x"], [], half="report"),
        asked({"a": 2.0}, ["x"], [], kind="slip"),
        asked({}, ["x"], ["x"], kind="nothing"),
    ]
    rows = {row["set"]: row for row in measured(given)}
    assert (rows["topic"]["look"]["success@3"], rows["topic"]["report"]["success@3"]) == (1.0, 0.0)
    assert rows["all"]["look"]["queries"] == 2.0
    assert rows["all"]["look"]["precision"] == 0.0
    assert list(rows) == [*readers.KINDS.values(), "all"]
