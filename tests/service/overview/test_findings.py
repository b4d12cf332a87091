"""What editors may act on, held against lists worked out one by one, and the tables to download."""

import csv
import io

import numpy as np
import pytest

from indexer.articles.columns import micros
from service.overview import findings
from service.overview.finding_page import page, table
from service.schemas import RelatedBody, Seed
from service.searcher import Searcher
from tests.newsroom import NOW, newsroom


@pytest.fixture(scope="module")
def searcher(archive_of):
    return Searcher(archive_of(newsroom(150)), lambda: pytest.fail("the encoder was asked"))


@pytest.fixture(scope="module")
def public(searcher):
    return searcher.archive.public(micros(NOW))[0]


@pytest.fixture(scope="module")
def found(searcher, public):
    return findings.find(searcher.archive, public)


def by_hand(archive, public, seed):
    """Return the list of one article, from its neighbours one after the other."""
    near = archive.stored_neighbours(np.array([seed]))
    moments = archive.background.moments(archive.vectors_of(np.array([seed]))[0])
    scored = []
    for row, cosine, terms in zip(near.rows[0], near.cosines[0], near.terms[0], strict=True):
        if row >= 0 and public[row] and archive.groups[row] != archive.groups[seed]:
            scored.append((-(cosine / moments.std + 8 * np.log1p(terms / 0.05)), int(row)))
    chosen = []
    for _, row in sorted(scored):
        if archive.groups[row] not in {archive.groups[other] for other in chosen}:
            chosen.append(row)
    return chosen[: findings.LINKS]


class TestLists:
    def test_as_by_hand(self, searcher, public):
        archive, seeds = searcher.archive, np.flatnonzero(public)
        lists = findings.lists(archive, public, seeds)
        for seed, row in zip(seeds.tolist(), lists.tolist(), strict=True):
            assert set(row) - {-1} == set(by_hand(archive, public, seed))

    def test_much_as_related_has_them_by_similarity(self, searcher, public):
        archive, seeds = searcher.archive, np.flatnonzero(public)[::5]
        lists = findings.lists(archive, public, seeds)
        same = total = 0
        for summary, row in zip(archive.summaries(seeds), lists, strict=True):
            body = RelatedBody(seed=Seed(ids=[summary.id]), limit=6, ranking="similarity")
            hits = {archive.row_of(hit.article.id) for hit in searcher.related(body, NOW).hits}
            # Lists by similarity do not leave out near-duplicates.
            same += len({archive.groups[hit] for hit in hits} & {archive.groups[one] for one in row if one >= 0})
            total += len({archive.groups[hit] for hit in hits})
        assert same > 0.75 * total


class TestFindings:
    def test_hubs_and_unlinked_are_counted_over_all_lists(self, searcher, public, found):
        counts = np.zeros(searcher.archive.count, dtype=int)
        for seed in np.flatnonzero(public).tolist():
            counts[by_hand(searcher.archive, public, seed)] += 1
        copies = {int(row) for group in found.groups for row in group.others}
        expected = {row for row in np.flatnonzero(public & (counts == 0)).tolist() if row not in copies}
        assert set(found.unlinked.tolist()) == expected
        assert found.links.tolist() == counts[found.hubs].tolist() == sorted(found.links.tolist(), reverse=True)
        assert set(found.hubs.tolist()) == set(np.flatnonzero(public & (counts > findings.LINKS)).tolist())
        assert found.lists == public.sum()

    def test_groups_are_of_public_articles_and_the_head_is_apart(self, searcher, public, found):
        assert found.groups
        sizes = [len(group.others) for group in found.groups]
        assert sizes == sorted(sizes, reverse=True)
        for group in found.groups:
            rows = [group.head, *group.others.tolist()]
            assert len(set(rows)) == len(rows) > 1
            assert public[rows].all()
            assert len({int(searcher.archive.groups[row]) for row in rows}) == 1

    def test_where_the_head_is_not_public_another_stands_for_them(self, searcher, public, found):
        hidden = public.copy()
        hidden[found.groups[0].head] = False
        rows = findings.newest_first(searcher.archive, np.flatnonzero(hidden))
        groups = findings.duplicates(searcher.archive, rows)
        assert all(group.head != found.groups[0].head for group in groups)

    def test_nothing_at_all(self, searcher, public):
        found = findings.find(searcher.archive, np.zeros_like(public))
        assert (found.lists, found.groups, len(found.unlinked), len(found.hubs)) == (0, (), 0, 0)

    def test_the_newest_alone_where_there_are_too_many(self, searcher, public, monkeypatch):
        monkeypatch.setattr(findings, "MOST_LISTS", 10)
        found = findings.find(searcher.archive, public)
        assert found.lists == 10
        assert len(found.unlinked) <= 10


class TestPages:
    def test_paged(self, searcher, found):
        first, second = (page(searcher.archive, found, "unlinked", number, each=2) for number in (1, 2))
        assert [len(first.items), second.number] == [2, 2]
        assert not {item.article.id for item in first.items} & {item.article.id for item in second.items}
        assert page(searcher.archive, found, "unlinked", 10**6).items
        assert page(searcher.archive, found, "hubs", -1).number == 1

    @pytest.mark.parametrize("kind", ["duplicates", "unlinked", "hubs"])
    def test_a_table_has_all(self, searcher, found, kind):
        text = "".join(table(searcher.archive, found, kind))
        assert text.startswith("\ufeff")
        rows = list(csv.DictReader(io.StringIO(text[1:])))
        members = sum(1 + len(group.others) for group in found.groups)
        assert len(rows) == {"duplicates": members, "unlinked": len(found.unlinked), "hubs": len(found.hubs)}[kind]
        assert all(row["id"].startswith("bai-") for row in rows)

    @pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r"])
    def test_no_cell_is_a_formula(self, start):
        (_, _, line) = findings.as_csv(["a", "b"], [[f"{start}HYPERLINK(1)", 'x"y,z']])
        assert next(csv.reader([line])) == [f"'{start}HYPERLINK(1)", 'x"y,z'] or start == "\r"
        assert f"'{start}HYPERLINK" in line
