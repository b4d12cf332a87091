"""An archive out again: what stands in each file, that it comes back as it was, and what a full disk leaves."""

import csv
import io
import json
import resource
from contextlib import contextmanager

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from indexer.archive import Archive
from indexer.building.build import BuildOptions, build
from indexer.changes.journal import Delete, Journal
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from models.hashing import HashingEncoder
from service import exporting
from service.cli import main
from service.files.whole import beside, whole

LINES = [
    {"id": "c", "title": "công nhân ca đêm", "published_at": "2023-11-07", "tags": ["ca đêm"], "biên tập": {"a": 1}},
    {"id": "a", "title": "công nhân ca ngày", "lead": "=1+1", "url": "https://bao.example/a", "aliases": ["a-cũ"]},
    {"id": "đ", "title": "công nhân đình công", "published_at": "2999-01-01"},
    {"id": "b", "title": "công nhân ca ngày", "lead": "=1+1", "body_html": "<p>Ăn ca</p>"},
]


@pytest.fixture
def home(tmp_path, publish):
    publish(tmp_path / "home", LINES[:2])
    publish(tmp_path / "home", LINES[2:], add=True)
    return tmp_path / "home"


def export(what, home, out, *more, status=0):
    done = CliRunner().invoke(main, ["export", what, "--home", str(home), "--out", str(out), *more])
    assert done.exit_code == status, done.output
    return done.stdout if status == 0 else done.stderr


def ids_of(path):
    return [json.loads(line)["id"] for line in path.read_text(encoding="utf-8").splitlines()]


@contextmanager
def no_file_larger_than(size):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


class TestArticles:
    def test_all_of_them_in_the_order_of_ids(self, home, tmp_path):
        out = tmp_path / "out.jsonl"
        assert export("articles", home, out) == f"{out}: 4 articles\n"
        assert ids_of(out) == ["a", "b", "c", "đ"]
        first = json.loads(out.read_text(encoding="utf-8").splitlines()[2])
        assert first["published_at"] == "2023-11-07T00:00:00+07:00"
        assert first["extra"] == {"biên tập": {"a": 1}}
        assert first["lead"] is None

    def test_index_takes_them_back_and_the_same_comes_out_again(self, home, tmp_path, publish):
        out, again = tmp_path / "out.jsonl", tmp_path / "again.jsonl"
        export("articles", home, out)
        report = build(Home(tmp_path / "other"), [str(out)], HashingEncoder, BuildOptions())
        assert (report.articles, report.rejected) == (4, 0)
        export("articles", tmp_path / "other", again)
        assert again.read_bytes() == out.read_bytes()

    def test_however_it_lies_in_segments_it_is_the_same(self, home, tmp_path, publish):
        publish(tmp_path / "one", reversed(LINES))
        export("articles", home, tmp_path / "two.jsonl")
        export("articles", tmp_path / "one", tmp_path / "one.jsonl")
        assert (tmp_path / "one.jsonl").read_bytes() == (tmp_path / "two.jsonl").read_bytes()

    def test_public_leaves_out_what_is_under_embargo(self, home, tmp_path):
        export("articles", home, tmp_path / "out.jsonl", "--public")
        assert ids_of(tmp_path / "out.jsonl") == ["a", "b", "c"]

    def test_what_was_deleted_a_moment_ago_is_not_in_it(self, home, tmp_path):
        journal = Journal(home)
        journal.write([Delete("b", None)])
        journal.close()
        export("articles", home, tmp_path / "out.jsonl")
        assert ids_of(tmp_path / "out.jsonl") == ["a", "c", "đ"]

    def test_nothing_is_overwritten_unless_it_is_said(self, home, tmp_path):
        out = tmp_path / "out.jsonl"
        out.write_text("mine")
        assert "is there already: expected a new name, or --force" in export("articles", home, out, status=1)
        assert out.read_text() == "mine"
        export("articles", home, out, "--force")
        assert len(ids_of(out)) == 4

    def test_a_full_disk_leaves_what_was_there(self, home, tmp_path):
        out = tmp_path / "out.jsonl"
        out.write_text("mine")
        with no_file_larger_than(64):
            said = export("articles", home, out, "--force", status=1)
        assert "File too large" in said
        assert out.read_text() == "mine"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "out.jsonl"]

    def test_no_home(self, tmp_path):
        assert "no snapshot is published yet" in export("articles", tmp_path, tmp_path / "o", status=1)
        assert not (tmp_path / "o").exists()


class TestVectors:
    def test_a_row_a_vector_and_its_id_beside_it(self, home, tmp_path):
        out = tmp_path / "v.npy"
        said = export("vectors", home, out)
        assert said.startswith(f"{out}: 4 vectors of ")
        assert said.endswith(f"; ids: {tmp_path / 'v.ids.txt'}\n")
        found = np.load(out, allow_pickle=False)
        assert found.dtype == np.float32
        assert (tmp_path / "v.ids.txt").read_text(encoding="utf-8") == "a\nb\nc\nđ\n"
        archive = Archive(Snapshot(Home(home).directory(Home(home).current())))
        for article_id, row in zip("abcđ", found, strict=True):
            assert archive.vectors_of(np.array([archive.row_of(article_id)])).tolist() == [row.tolist()]
        archive.close()

    def test_public(self, home, tmp_path):
        export("vectors", home, tmp_path / "v.npy", "--public")
        assert np.load(tmp_path / "v.npy").shape[0] == 3
        assert (tmp_path / "v.ids.txt").read_text(encoding="utf-8") == "a\nb\nc\n"

    def test_none_at_all(self, tmp_path, publish):
        publish(tmp_path / "home", LINES[2:3])
        export("vectors", tmp_path / "home", tmp_path / "v.npy", "--public")
        assert np.load(tmp_path / "v.npy").shape == (0, HashingEncoder().identity.dim)
        assert (tmp_path / "v.ids.txt").read_bytes() == b""

    @pytest.mark.parametrize("there", ["v.npy", "v.ids.txt"])
    def test_neither_file_is_overwritten_unless_it_is_said(self, home, tmp_path, there):
        (tmp_path / there).write_text("mine")
        assert there in export("vectors", home, tmp_path / "v.npy", status=1)
        assert (tmp_path / there).read_text() == "mine"
        export("vectors", home, tmp_path / "v.npy", "--force")
        assert np.load(tmp_path / "v.npy").shape[0] == 4

    def test_a_full_disk_leaves_what_was_there(self, home, tmp_path):
        (tmp_path / "v.npy").write_text("mine")
        with no_file_larger_than(600):
            export("vectors", home, tmp_path / "v.npy", "--force", status=1)
        assert (tmp_path / "v.npy").read_text() == "mine"
        assert sorted(path.name for path in tmp_path.iterdir()) == ["home", "v.npy"]

    def test_another_name(self, home, tmp_path):
        assert "expected a name that ends in .npy" in export("vectors", home, tmp_path / "v.csv", status=2)


class TestRelated:
    def test_lines_are_those_of_a_batch(self, home, tmp_path):
        out, batch = tmp_path / "r.jsonl", tmp_path / "all.jsonl"
        now = ["--limit", "2"]
        assert export("related", home, out, *now) == f"{out}: 3 lists\n"
        done = CliRunner().invoke(main, ["related", "--all", "--home", str(home), "--out", str(batch), *now])
        assert done.exit_code == 0, done.output
        mine, theirs = ([json.loads(line) for line in path.read_text().splitlines()] for path in (out, batch))
        assert [line["id"] for line in mine] == ["a", "b", "c"]
        listed = {line["id"]: [hit["id"] for hit in line["hits"]] for line in theirs}
        assert {line["id"]: [hit["id"] for hit in line["hits"]] for line in mine} == listed
        assert all(len(hits) <= 2 for hits in listed.values())

    def test_a_table_for_spreadsheets(self, home, tmp_path):
        out = tmp_path / "r.csv"
        export("related", home, out, "--limit", "1")
        assert out.read_bytes().startswith("\N{ZERO WIDTH NO-BREAK SPACE}id,title,position,".encode())
        rows = [*csv.DictReader(io.StringIO(out.read_text(encoding="utf-8-sig")))]
        assert tuple(rows[0]) == exporting.COLUMNS
        first = next(row for row in rows if row["id"] == "c")
        assert (first["title"], first["position"]) == ("công nhân ca đêm", "1")
        assert first["related_id"] in {"a", "b"}
        assert first["related_title"] == "công nhân ca ngày"
        assert 0 <= float(first["relevance"]) <= 1
        assert first["reasons"]

    def test_titles_that_begin_as_formulas_do(self, tmp_path, publish):
        title = '=HYPERLINK("http://x","công nhân")'
        publish(tmp_path / "home", [{"id": "=a", "title": title}, {"id": "@b", "title": "-công nhân ca"}])
        export("related", tmp_path / "home", tmp_path / "r.csv")
        rows = [*csv.reader(io.StringIO((tmp_path / "r.csv").read_text(encoding="utf-8-sig"), newline=""))]
        assert {row[0] for row in rows[1:]} == {"'=a", "'@b"}
        assert {row[1] for row in rows[1:]} == {f"'{title}", "'-công nhân ca"}
        assert not [cell for row in rows for cell in row if cell[:1] in "=+-@\t\r" and cell]

    def test_another_name(self, home, tmp_path):
        assert "expected a name that ends in .csv, .jsonl or .ndjson" in export("related", home, "r.txt", status=2)

    def test_broken_off_it_leaves_nothing(self, home, tmp_path, monkeypatch):
        def broken(*told):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(exporting.written, "batch_line", broken)
        assert "No space left" in export("related", home, tmp_path / "r.jsonl", status=1)
        assert [path.name for path in tmp_path.iterdir()] == ["home"]


class TestDefusing:
    @pytest.mark.parametrize("cell", ["=1", "+84", "-1", "@SUM", "\tx", "\rx", "\nx", "＝1", "'x"])
    def test_what_may_begin_a_formula(self, cell):
        assert exporting.defused(cell) == f"'{cell}"

    @pytest.mark.parametrize("cell", ["", "a=1", "0", "Đ", " =1"])
    def test_what_may_not(self, cell):
        assert exporting.defused(cell) == cell

    @given(st.text())
    def test_nothing_dangerous_is_left_and_nothing_is_lost(self, cell):
        made = exporting.defused(cell)
        assert not made.startswith(("=", "+", "-", "@", "\t", "\r"))
        assert made.removeprefix("'") == cell


def test_several_files_take_their_names_together(tmp_path):
    first, last = tmp_path / "first", tmp_path / "last"
    with whole(first, last) as partial:
        partial.write_text("2")
        beside(first).write_text("1")
        assert not last.exists()
        assert not first.exists()
    assert (first.read_text(), last.read_text()) == ("1", "2")


def test_one_that_is_missing_keeps_the_others_from_their_names(tmp_path):
    first, last = tmp_path / "first", tmp_path / "last"
    last.write_text("old")
    with pytest.raises(FileNotFoundError), whole(first, last) as partial:
        partial.write_text("new")
    assert last.read_text() == "old"
    assert [*tmp_path.iterdir()] == [last]
