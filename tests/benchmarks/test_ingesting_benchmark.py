"""What the benchmark of ingestion makes of questions and answers."""

import pytest

from benchmarks.ingesting import Look, times, visible
from benchmarks.overload import Shot


def test_an_article_is_visible_once_no_question_misses_it_any_more():
    looks = [
        Look(1, 0.1, False),
        Look(1, 0.4, True),  # by one worker
        Look(1, 0.7, False),  # not by the other yet
        Look(1, 1.0, True),
        Look(1, 1.3, True),
        Look(2, 0.2, True),
        Look(3, 0.1, False),
        Look(3, 0.9, False),  # never: it counts as long as it was looked for
    ]
    assert visible(looks) == [1.0, 0.2, 0.9]


def test_searches_that_failed_are_counted_and_their_time_too():
    shots = [Shot(at, took, status, "/") for at, (took, status) in enumerate([(0.01, 200)] * 19 + [(1.5, 503)])]
    told = times(shots)
    assert told["failed"] == 1
    assert told["p50_ms"] == pytest.approx(10)
    assert told["p95_ms"] > 10
