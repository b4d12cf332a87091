"""What the map's page is told: points, sections, names; public articles alone."""

import re
import struct
from types import SimpleNamespace

import numpy as np
import pytest

from indexer.articles.columns import micros
from indexer.changes.changes import NEVER, Withdrawal
from service.overview import mapped
from service.overview.mapped import MAGIC, Overview, Overviews
from service.searcher import Searcher
from tests.newsroom import NOW, SECTIONS, newsroom

LOCAL = {"Host": "localhost"}


@pytest.fixture(scope="module")
def archive(archive_of):
    return archive_of(newsroom(150))


@pytest.fixture(scope="module")
def overview(archive):
    return Overview(archive, archive.public(micros(NOW))[0])


def read(points):
    """Return rows, places and sections of points as they travel."""
    assert points[:4] == MAGIC
    (count,) = struct.unpack("<I", points[4:8])
    assert len(points) == 8 + 9 * count
    rows = np.frombuffer(points, "<u4", count, 8)
    x, y = (np.frombuffer(points, "<u2", count, 8 + (4 + 2 * at) * count) for at in (0, 1))
    return rows, np.stack([x, y], axis=1), np.frombuffer(points, "u1", count, 8 + 8 * count)


class TestPoints:
    def test_all_that_is_public_where_it_stands(self, archive, overview):
        rows, places, sections = read(overview.points)
        assert rows.tolist() == np.flatnonzero(overview.public).tolist()
        stands, all_of_them = archive.positions_of(rows.astype(np.int64)), archive.positions
        span = (all_of_them.max(axis=0) - all_of_them.min(axis=0)).max()
        assert places / 65535 == pytest.approx((stands - all_of_them.min(axis=0)) / span, abs=1e-4)
        names = [one.name for one in overview.sections]
        for row, at in zip(archive.summaries(rows.tolist()), sections.tolist(), strict=True):
            assert names[at] == row.section

    def test_twenty_thousand_are_within_half_a_megabyte(self, overview):
        assert len(overview.points) / len(overview.rows) * 20_000 < 500_000

    def test_of_more_a_part_spread_evenly(self, archive, overview, monkeypatch):
        monkeypatch.setattr(mapped, "MOST_POINTS", 30)
        few = Overview(archive, overview.public)
        assert (len(few.rows), few.total) == (30, overview.total)
        assert set(few.rows.tolist()) <= set(overview.rows.tolist())


class TestSections:
    def test_counts_neighbours_and_what_is_typical(self, overview):
        found = overview.sections
        assert {one.name for one in found} == set(SECTIONS)
        assert sum(one.count for one in found) == overview.total
        for one in found:
            assert len(one.near) == 3
            assert one.name not in one.near
            assert all(article.section == one.name for article in one.central)

    def test_more_than_have_marks_share_the_last(self, archive, overview, monkeypatch):
        monkeypatch.setattr(mapped, "SECTIONS", 2)
        few = Overview(archive, overview.public)
        assert [one.name for one in few.sections][2:] == [None]
        assert sum(one.count for one in few.sections) == overview.total
        assert set(read(few.points)[2].tolist()) == {0, 1, 2}

    def test_none_at_all(self, archive_of):
        archive = archive_of([{"id": f"a{at}", "title": f"Tin {at}"} for at in range(5)])
        found = Overview(archive, archive.public(0)[0])
        assert [(one.name, one.count) for one in found.sections] == [(None, 5)]
        assert set(read(found.points)[2].tolist()) == {0}


def test_nothing_is_told_of_what_is_not_public(archive, overview):
    hidden = np.flatnonzero(~overview.public).tolist()
    shown = np.flatnonzero(overview.public).tolist()[:3]
    assert hidden
    assert [row for row, _ in overview.articles([*hidden, *shown, -1, 10**9])] == shown


def test_it_is_kept_until_something_changes(archive):
    searcher, held = Searcher(archive, lambda: None), Overviews()
    first = held.of(searcher)
    assert held.of(searcher) is first
    taken_down = Withdrawal("of-another-archive", NEVER, NEVER)
    searcher.withdraw(SimpleNamespace(withdrawals=lambda changes, moment: [taken_down]))
    assert held.of(searcher) is not first


class TestPages:
    @pytest.fixture(scope="class")
    @classmethod
    def client(cls, client_of):
        return client_of(newsroom(150))

    @staticmethod
    def get(client, path):
        return client.get(path, headers=LOCAL)

    def test_the_points_are_kept_by_browsers_under_their_version(self, client):
        page = self.get(client, "/newsroom/map").get_data(as_text=True)
        address = re.search(r'data-points="([^"]+)"', page)[1]
        points = self.get(client, address)
        assert "immutable" in points.headers["Cache-Control"]
        assert len(read(points.data)[0]) > 100
        assert self.get(client, "/newsroom/map/points?v=x").headers["Cache-Control"] == "no-store"
        assert self.get(client, "/newsroom/map").headers["Cache-Control"] == "no-store"

    def test_names_of_points(self, client):
        page = self.get(client, "/newsroom/map").get_data(as_text=True)
        address = re.search(r'data-articles="([^"]+)"', page)[1].replace("&amp;", "&")
        found = self.get(client, address + "&row=0&row=1&row=x&row=99999999999&row=-1").get_json()["articles"]
        assert [one["row"] for one in found] == [0, 1]
        assert set(found[0]) == {"row", "title", "section", "when", "href"}
        assert self.get(client, "/newsroom/map/articles?v=x&row=1").status_code == 409

    def test_a_search_lists_what_it_lights(self, client):
        page = self.get(client, "/newsroom/map?q=blam").get_data(as_text=True)
        rows = re.findall(r'data-row="(\d+)"', page)
        assert len(rows) > 3
        assert "được chiếu sáng cho “blam”" in page

    def test_without_a_script_the_table_says_it(self, client):
        page = self.get(client, "/newsroom/map").get_data(as_text=True)
        table = page.partition("<table>")[2]
        for section in SECTIONS:
            assert section in table
        assert table.count("/articles/bai-") >= 3 * len(SECTIONS)

    @pytest.mark.parametrize("kind", ["duplicates", "unlinked", "hubs"])
    def test_lists(self, client, kind):
        page = self.get(client, f"/newsroom/map/{kind}?page=1&lang=en")
        assert page.status_code == 200
        table = self.get(client, f"/newsroom/map/{kind}.csv")
        assert table.headers["Content-Type"] == "text/csv; charset=utf-8"
        assert table.headers["Content-Disposition"] == f'attachment; filename="{kind}.csv"'
        assert self.get(client, f"/newsroom/map/{kind}?page=x").status_code == 200
        assert self.get(client, "/newsroom/map/others").status_code == 404

    def test_a_snapshot_without_a_map_says_how_to_get_one(self, client_of, monkeypatch):
        from indexer.snapshot import archive_map

        with monkeypatch.context() as patch:
            patch.setattr(archive_map, "write_anew", lambda directory, vectors: None)
            client = client_of(newsroom(30))
        page = self.get(client, "/newsroom/map")
        assert page.status_code == 200
        assert "lienquan merge --rewrite" in page.get_data(as_text=True)
        assert self.get(client, "/newsroom/map/points").status_code == 404
        assert self.get(client, "/newsroom/map/hubs").status_code == 200
