"""Every regular expression of the packages is linear: none takes long over texts made to slow it down."""

import json
import subprocess
import sys
from pathlib import Path

from tests import hostile_patterns

_GENEROUS = 0.5
"""Seconds of CPU over 100,000 characters, where 0.05 are asked for on a quiet machine; quadratic takes several."""
_GROWTH = 8
"""How many times as long as a quarter of a text the whole may take: 4 is linear, 16 quadratic."""


def test_every_expression_of_the_packages_is_found() -> None:
    found, problems = hostile_patterns.uses()
    assert problems == []
    assert len(found) > 150


def test_every_expression_takes_time_linear_in_the_length_of_a_hostile_text() -> None:
    ran = subprocess.run(
        [sys.executable, "-m", "tests.hostile_patterns"],
        cwd=Path(__file__).parent.parent,
        capture_output=True,
        text=True,
        timeout=900,
    )
    lines = [json.loads(line) for line in ran.stdout.splitlines()]
    assert ran.returncode == 0, f"expected an end, found none of {lines[-1]}: {ran.stderr[-500:]}"
    figures = [{**named, **taken} for named, taken in zip(lines[1::2], lines[2::2], strict=True)]
    slow = [f for f in figures if f["seconds"] > _GENEROUS]
    grown = [f for f in figures if f["seconds"] > 0.1 and f["seconds"] > _GROWTH * f["quarter"]]
    assert (slow, grown) == ([], [])


def test_what_is_quadratic_or_exponential_is_told_from_what_is_linear() -> None:
    def seconds(pattern: str) -> float:
        use = hostile_patterns.Use("", hostile_patterns.re.compile(pattern), frozenset({"search"}))
        return hostile_patterns.worst(use)[0]

    assert seconds(r"<a[^>]*>") > _GENEROUS
    assert seconds(r"[\w-]+=") > _GENEROUS
    assert seconds(r"\s+$") > _GENEROUS
    assert seconds(r"(?<![\w-])[\w-]++=") < _GENEROUS
    assert seconds(r"<a[^<>]*+>") < _GENEROUS
