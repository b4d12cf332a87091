"""Groups of near-duplicates, from pairs of articles, within a segment and over those that are added."""

import tempfile
from pathlib import Path

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.columns import ABSENT
from indexer.articles.owners import Owners, write_owners
from indexer.relations.groups import grouped, of_articles


def owners_of(owned, vectors):
    """Return the ownerships of articles, given the vector of each."""
    with tempfile.TemporaryDirectory() as directory:
        write_owners(Path(directory), np.array(owned, dtype=np.int32), vectors)
        return Owners(Path(directory))


class TestArticles:
    """From the neighbours of texts to those of articles."""

    def test_by_hand(self):
        # Texts 0, 1, 2; articles 0 and 2 own 1, article 1 owns 0, article 3 owns 2.
        texts = np.array([[1, 2], [0, -1], [1, 0]], dtype=np.int32)
        assert of_articles(texts, owners_of([1, 0, 1, 2], 3)).tolist() == [[1, -1], [0, 3], [1, -1], [0, 1]]

    def test_a_neighbour_that_nobody_owns_is_none(self):
        texts = np.array([[1, 2], [0, 2], [0, 1]], dtype=np.int32)
        assert of_articles(texts, owners_of([0, 2], 3)).tolist() == [[-1, 1], [0, -1]]


class TestGroups:
    """From near-duplicate pairs of articles to groups, in which all of one text are together."""

    OWNERS = (1, 0, 2, 3, 1, 4)
    TIMES = np.arange(6, dtype=np.int64) * 1000

    def groups(self, *pairs, published=TIMES):
        return grouped(owners_of(self.OWNERS, 5), np.array(pairs, dtype=np.int64).reshape(-1, 2), published).tolist()

    def test_of_no_pairs(self):
        assert self.groups() == [0, 1, 2, 3, 0, 5]

    def test_a_text_stays_together_where_its_first_owner_is_a_member_of_another_group(self):
        # 2 has most near-duplicates and takes 0, whose text 4 has as well.
        assert self.groups((0, 2), (1, 2), (2, 3)) == [2, 2, 2, 2, 2, 5]

    def test_either_owner_of_a_text_may_be_the_near_duplicate(self):
        assert self.groups((2, 4)) == self.groups((0, 2))
        assert len({self.groups((2, 4))[row] for row in (0, 2, 4)}) == 1

    def test_of_equals_the_text_with_the_newest_owner_stands_for_all(self):
        assert self.groups((0, 2))[2] == 0  # 4 is newer than 2
        assert self.groups((0, 2), published=self.TIMES[::-1].copy())[2] == 0  # so is 0, the other way round
        older = np.array([10, ABSENT, 30, ABSENT, 20, ABSENT], dtype=np.int64)
        assert self.groups((0, 2), published=older)[0] == 2

    @given(
        owned=st.lists(st.integers(0, 4), min_size=1, max_size=9),
        pairs=st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8)), max_size=12),
        times=st.lists(st.sampled_from([ABSENT, 10, 20, 30]), min_size=9, max_size=9),
    )
    def test_all_of_one_text_are_of_one_group(self, owned, pairs, times):
        held = sorted({(min(p), max(p)) for p in pairs if p[0] != p[1] and max(p) < len(owned)})
        published = np.array(times[: len(owned)], dtype=np.int64)
        groups = grouped(owners_of(owned, 5), np.array(held, dtype=np.int64).reshape(-1, 2), published)
        assert groups.dtype == np.int32
        alike = {(owned[left], owned[right]) for left, right in held}
        for row, head in enumerate(groups):
            assert groups[head] == head
            together = (owned[row], owned[head])
            assert together[0] == together[1] or together in alike or together[::-1] in alike
            assert all(groups[other] == head for other in range(len(owned)) if owned[other] == owned[row])
