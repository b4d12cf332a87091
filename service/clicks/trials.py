"""Trials of two rankings of related lists: which ranking is shown under which article.

Owns which lists a trial concerns and how rankings are assigned; `related` makes the rankings. Knows nothing of clicks.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal

from service.hits import Answer, Hit
from service.ranking.interleaving import team_draft
from service.ranking.presets import PRESETS
from service.ranking.variants import Variant
from service.schemas import RelatedBody, RelatedOptions

RelateFunction = Callable[[RelatedBody], Answer]


@dataclass(frozen=True)
class RankingTrial:
    """One trial.

    :param kind: `by-article` shows one of the two under an article, always the same; `interleaved` both in one list.
    :param variant: How the second ranking differs.
    """

    kind: Literal["by-article", "interleaved"]
    variant: Variant

    @cached_property
    def name(self) -> str:
        """Return its name. Another trial has another name."""
        return " ".join([self.kind, *(f"{name}={value}" for name, value in sorted(self._changes.items()))])

    @cached_property
    def _changes(self) -> dict[str, Any]:
        return self.variant.model_dump(exclude_none=True)

    def concerns(self, body: RelatedBody) -> bool:
        """Return whether it concerns a list: of the standard preset, without options that the variant changes."""
        named = {"preset", "ranking", *self._changes}
        return all(getattr(body, name) == RelatedOptions.model_fields[name].get_default() for name in named)

    def answer(
        self, related: RelateFunction, body: RelatedBody, seed: str, hour: int
    ) -> tuple[Answer, tuple[str, ...]]:
        """Return the list to show under an article, and the arm of each hit (`clicks.log.ListPosition`).

        :param related: Returns the list of a request.
        :param hour: The hour in which it is shown. Every reader gets the same list within it.
        """
        length = body.limit or PRESETS[body.preset].limit
        other = body.model_copy(update={**self._changes, "limit": length})
        if self.kind == "by-article":
            arm = "a" if self._coin(seed)(0) else "b"
            answer = related(body if arm == "a" else other)
            return answer, (arm,) * len(answer.hits)
        return _interleaved(related(body), related(other), length, self._coin(f"{seed} {hour}"))

    def _coin(self, about: str) -> Callable[[int], bool]:
        """Return a coin that falls alike in every process, but differently in another trial."""
        bits = int.from_bytes(hashlib.sha256(f"{self.name} {about}".encode()).digest())
        return lambda at: bool(bits >> at & 1)


def _interleaved(
    first: Answer, second: Answer, length: int, coin: Callable[[int], bool]
) -> tuple[Answer, tuple[str, ...]]:
    """Return two lists interleaved as one. Pinned articles keep their place and have no arm."""
    pinned = {hit.article.id: at for at, hit in enumerate(first.hits) if _is_pinned(hit)}
    hits = {hit.article.id: hit for answer in (second, first) for hit in answer.hits}
    of_a, of_b = (
        [hit.article.id for hit in answer.hits if hit.article.id not in pinned and not _is_pinned(hit)]
        for answer in (first, second)
    )
    drafted: list[tuple[str, str]] = [*team_draft(of_a, of_b, length - len(pinned), coin)]
    for article, at in pinned.items():
        drafted.insert(at, (article, ""))
    merged = replace(
        first, hits=[hits[article] for article, _ in drafted], total=max(first.total, second.total, len(drafted))
    )
    return merged, tuple(arm for _, arm in drafted)


def _is_pinned(hit: Hit) -> bool:
    return hit.reasons[0].code == "pinned"
