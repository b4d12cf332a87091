"""Which source is read by what: endings, compression, standard input, folders, and what is said of broken ones."""

import gzip
import io
import json
import os
import re
import sys
import tracemalloc

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st

from indexer.building.build import BuildOptions, build
from indexer.errors import SourceError
from indexer.snapshot.home import Home
from indexer.sources import BadLine, Reading, SourceOptions, read_source
from models.hashing import HashingEncoder

TWO = b'{"id": "a"}\n{"id": "b"}\n'
READ = [Reading(1, {"id": "a"}), Reading(2, {"id": "b"})]
TABLE = "id,title\na,Gốm\nb,Lụa\n".encode()
PAGE = "Lò gốm Đồng Sấu đỏ lửa\nLàng nghề - 07/11/2023 17:04\nKhói bay trên mái lò suốt ba ngày.\n"

PACK = {".gz": gzip.compress, ".zst": zstandard.ZstdCompressor(write_checksum=True).compress}


@pytest.fixture
def source(tmp_path):
    """Return a function that reads a source of some bytes under a name."""

    def read_bytes(name, content, options=None):
        (tmp_path / name).write_bytes(content)
        return list(read_source(str(tmp_path / name), options or SourceOptions()))

    return read_bytes


@pytest.fixture
def stdin(monkeypatch):
    """Return a function that reads some bytes from standard input."""

    def read_bytes(content):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(content)))
        return list(read_source("-"))

    return read_bytes


# Compression


@pytest.mark.parametrize("packed", PACK)
def test_packed_sources_are_read_as_if_they_were_not(source, packed):
    assert source("a.jsonl" + packed, PACK[packed](TWO)) == READ
    assert source("A.NDJSON" + packed.upper(), PACK[packed](TWO)) == READ
    table = [Reading(2, {"id": "a", "title": "Gốm"}), Reading(3, {"id": "b", "title": "Lụa"})]
    assert source("a.csv" + packed, PACK[packed](TABLE)) == table
    assert source("a.tsv" + packed, PACK[packed](TABLE.replace(b",", b"\t"))) == table


@pytest.mark.parametrize("packed", PACK)
def test_parts_packed_one_after_the_other_are_one_source(source, packed):
    assert source("a.jsonl" + packed, b"".join(PACK[packed](part) for part in (TWO[:5], b"", TWO[5:]))) == READ


@pytest.mark.parametrize("packed", PACK)
@pytest.mark.parametrize("missing", [1, 4])
def test_what_is_cut_short_gives_its_lines_and_one_bad_one(source, packed, missing):
    *found, bad = source("a.jsonl" + packed, PACK[packed](TWO)[:-missing])
    assert found == READ
    assert (bad.line, bad.raw) == (3, "")
    assert bad.reason.startswith("expected more ")
    assert bad.reason.endswith(": it ends early")


@pytest.mark.parametrize("packed", PACK)
def test_a_line_that_is_cut_is_the_bad_one(source, packed):
    lines = b"".join(b'{"id": "%d", "x": "%s"}\n' % (n, os.urandom(3000).hex().encode()) for n in range(200))
    whole = PACK[packed](lines)
    *found, bad = source("a.jsonl" + packed, whole[: len(whole) // 2])
    assert [reading.fields["id"] for reading in found] == [str(n) for n in range(len(found))]
    assert 50 < len(found) < 150
    assert bad.line == len(found) + 1
    assert "it ends early" in bad.reason
    *rows, bad = source("a.csv" + packed, PACK[packed](b"id,title\n" + lines.replace(b'"', b""))[: len(whole) // 2])
    assert all(isinstance(row, BadLine | Reading) for row in rows)
    assert "it ends early" in bad.reason


@pytest.mark.parametrize(("packed", "name"), [(".gz", "gzip"), (".zst", "Zstandard")])
@pytest.mark.parametrize("ending", [".jsonl", ".csv"])
def test_what_was_never_packed_is_one_bad_line(source, ending, packed, name):
    (bad,) = source("a" + ending + packed, b"no such thing")
    assert (bad.line, bad.reason.startswith(f"expected {name} data: ")) == (1, True)
    (bad,) = source("a" + ending + packed, b"")
    assert bad == BadLine(1, "", f"expected more {name} data: it ends early", incomplete=True)


@pytest.mark.parametrize("packed", PACK)
def test_a_wrong_checksum_is_told(source, packed):
    whole = bytearray(PACK[packed](TWO))
    whole[-8 if packed == ".gz" else -4] ^= 1
    *found, bad = source("a.jsonl" + packed, bytes(whole))
    assert found in ([], READ)  # a small frame is checked as a whole before anything of it is given
    assert bad.line == len(found) + 1
    assert bad.reason.startswith("expected ")


@given(st.sampled_from(sorted(PACK)), st.sampled_from([".jsonl", ".csv"]), st.integers(0, 10**6), st.integers(1, 255))
def test_any_damage_is_told_without_a_traceback(tmp_path_factory, packed, ending, at, change):
    whole = bytearray(PACK[packed](TWO * 50 if ending == ".jsonl" else TABLE * 50))
    whole[at % len(whole)] ^= change
    path = tmp_path_factory.getbasetemp() / ("damaged" + ending + packed)
    path.write_bytes(whole)
    try:
        found = list(read_source(str(path)))
    except SourceError:
        return  # a header that says something else
    assert all(isinstance(reading, Reading | BadLine) for reading in found)
    told = [reading for reading in found if isinstance(reading, BadLine)]
    damage = [bad for bad in told if re.match("expected (more )?(gzip|Zstandard) data", bad.reason)]
    assert len(damage) <= 1
    assert damage in ([], found[-1:])


@pytest.mark.parametrize("packed", PACK)
def test_little_that_becomes_much_is_not_held_in_memory(tmp_path, packed):
    path = tmp_path / ("bomb.jsonl" + packed)
    path.write_bytes(PACK[packed](bytes(200 * 2**20)) + PACK[packed](b"\n" + TWO))
    tracemalloc.start()
    bad, *found = read_source(str(path))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (bad.line, bad.reason) == (1, "expected at most 64 MiB on a line")
    assert [reading.line for reading in found] == [2, 3]
    assert peak < 190 * 2**20


# Standard input


@pytest.mark.parametrize("pack", [bytes, *PACK.values()])
def test_standard_input(stdin, pack):
    assert stdin(pack(TWO)) == READ
    assert stdin(pack(b"1")) == [BadLine(1, "1", "expected a JSON object, found int")]


def test_standard_input_with_nothing(stdin, monkeypatch):
    assert stdin(b"") == []
    monkeypatch.setattr(sys, "stdin", None)
    with pytest.raises(SourceError, match="source: '-': expected something on standard input"):
        list(read_source("-"))


def test_standard_input_cut_short(stdin):
    assert stdin(gzip.compress(TWO)[:-1])[:2] == READ
    skippable = b"\x50\x2a\x4d\x18\x04\x00\x00\x00abcd"
    assert stdin(skippable + PACK[".zst"](TWO)) == READ


def test_standard_input_through_a_pipe(monkeypatch):
    near, far = os.pipe()
    os.write(far, b'{"id":')
    os.write(far, b' "a"}\n')
    os.close(far)
    with os.fdopen(near) as file:
        monkeypatch.setattr(sys, "stdin", file)
        assert list(read_source("-")) == [Reading(1, {"id": "a"})]


# What cannot be read


@pytest.mark.parametrize("name", ["a", "a.docx", "a.gz", "a.txt.gz", "a.html.zst", "a.jsonl.zip", ".jsonl"])
def test_unknown_endings(source, name):
    with pytest.raises(
        SourceError, match=r"expected a folder, or a file ending in \.jsonl, \.ndjson, \.csv, \.tsv, \.txt"
    ):
        source(name, TWO)


@pytest.mark.parametrize("name", ["none.jsonl", "none.csv.gz", "none.txt", "none.zst.jsonl.zst"])
def test_no_such_file(tmp_path, name):
    with pytest.raises(SourceError, match=f"{name}': No such file or directory"):
        list(read_source(str(tmp_path / name)))


# Folders


def test_every_known_file_in_sorted_order(tmp_path):
    for name in ("b/z.jsonl", "b.jsonl", "a/2.ndjson", "a/10.jsonl", ".hidden.jsonl", ".git/x.jsonl", "notes.md"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(f'\n{{"id": "{name}"}}\n')
    (tmp_path / "c.csv").write_bytes(TABLE)
    (tmp_path / "d.txt").write_text(PAGE)
    (tmp_path / "e.jsonl.gz").write_bytes(gzip.compress(b"[]"))
    found = [(os.path.relpath(reading.file, tmp_path), reading.line) for reading in read_source(str(tmp_path))]
    expected = [("a/10.jsonl", 2), ("a/2.ndjson", 2), ("b/z.jsonl", 2), ("b.jsonl", 2)]
    assert found == [*expected, ("c.csv", 2), ("c.csv", 3), ("d.txt", 1), ("e.jsonl.gz", 1)]


@pytest.mark.parametrize("names", [[], ["a.md"], [".a.jsonl"], ["a.txt.gz"]])
def test_a_folder_without_any(tmp_path, names):
    for name in names:
        (tmp_path / name).touch()
    with pytest.raises(SourceError, match=r"expected a file ending in .* in this folder, found none"):
        list(read_source(str(tmp_path)))


def test_a_folder_is_a_folder_whatever_its_name(tmp_path):
    (tmp_path / "a.jsonl").mkdir()
    (tmp_path / "a.jsonl" / "b.jsonl").write_bytes(TWO)
    assert len(list(read_source(str(tmp_path / "a.jsonl")))) == 2
    assert len(list(read_source(str(tmp_path)))) == 2


def test_links_in_a_circle_end(tmp_path):
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "x.jsonl").write_bytes(TWO)
    (tmp_path / "a" / "up").symlink_to(tmp_path, target_is_directory=True)
    (tmp_path / "b").symlink_to(tmp_path / "a", target_is_directory=True)
    (tmp_path / "self.jsonl").symlink_to(tmp_path / "self.jsonl")
    found = list(read_source(str(tmp_path)))
    assert [reading.line for reading in found[:2]] == [1, 2]
    (bad,) = found[2:]
    assert (bad.file, bad.line) == (str(tmp_path / "self.jsonl"), 1)


def test_links_out_of_a_folder_are_told_and_not_followed(tmp_path):
    """A file, a folder, a parent, a chain of links, one that leads nowhere, and one into a hidden folder."""
    outside, folder = tmp_path / "outside", tmp_path / "folder"
    (folder / "below" / ".hidden").mkdir(parents=True)
    outside.mkdir()
    for place in (outside, folder, folder / "below" / ".hidden"):
        (place / "x.jsonl").write_bytes(b'{"id": "%s", "title": "x"}\n' % place.name.encode())
    (outside / "notes.md").touch()
    links = {
        "a.jsonl": outside / "x.jsonl",
        "b": outside,
        "c.jsonl": "../outside/x.jsonl",
        "d": "..",
        "e": "/",
        "f.jsonl": folder / "a.jsonl",
        "g.jsonl": tmp_path / "nothing.jsonl",
        "h": folder / "below" / ".hidden",
        "i": "below/../../folder2",
        "notes.md": outside / "notes.md",
    }
    (tmp_path / "folder2").mkdir()  # begins with the folder's own name
    (tmp_path / "folder2" / "x.jsonl").write_bytes(b'{"id": "folder2", "title": "x"}\n')
    for name, target in links.items():
        (folder / name).symlink_to(target)
    (folder / "below" / "j.jsonl").symlink_to("../../outside/x.jsonl")
    readings = list(read_source(str(folder)))
    good = [found.fields["id"] for found in readings if isinstance(found, Reading)]
    bad = {os.path.relpath(found.file, folder) for found in readings if isinstance(found, BadLine)}
    assert good == ["folder"]
    assert bad == {*links, "below/j.jsonl"} - {"notes.md"}  # which would not be read anyway
    assert all(found.incomplete and "not followed" in found.reason for found in readings if isinstance(found, BadLine))


def test_links_within_a_folder_and_to_it_are_followed(tmp_path):
    (tmp_path / "folder" / "x").mkdir(parents=True)
    (tmp_path / "folder" / "x" / "a.jsonl").write_bytes(TWO)
    (tmp_path / "folder" / "b.jsonl").symlink_to("x/a.jsonl")
    (tmp_path / "folder" / "c").symlink_to(tmp_path / "folder" / "x", target_is_directory=True)
    (tmp_path / "named").symlink_to(tmp_path / "folder", target_is_directory=True)
    for folder in ("folder", "named"):
        found = list(read_source(str(tmp_path / folder)))
        assert [os.path.relpath(reading.file, tmp_path / folder) for reading in found] == ["b.jsonl"] * 2 + [
            "c/a.jsonl"
        ] * 2


def test_a_file_that_goes_away_is_named_and_the_rest_is_read(tmp_path):
    for name in ("a.jsonl", "b.jsonl", "c.jsonl"):
        (tmp_path / name).write_bytes(b'{"id": "x"}\n')
    reading = read_source(str(tmp_path))
    assert next(reading).file == str(tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").unlink()
    bad, last = reading
    assert bad == BadLine(1, "b.jsonl", "No such file or directory", file=str(tmp_path / "b.jsonl"), incomplete=True)
    assert last.file == str(tmp_path / "c.jsonl")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_what_must_not_be_read_is_named(tmp_path):
    (tmp_path / "a.jsonl").write_bytes(TWO)
    (tmp_path / "a.jsonl").chmod(0)
    (tmp_path / "b").mkdir(mode=0)
    (tmp_path / "c.jsonl").write_bytes(TWO)
    a, b, *rest = read_source(str(tmp_path))
    assert (a.file, b.file, len(rest)) == (str(tmp_path / "a.jsonl"), str(tmp_path / "b"), 2)


def test_a_folder_below_that_fails_is_named(tmp_path, monkeypatch):
    (tmp_path / "a").mkdir()
    (tmp_path / "b.jsonl").write_bytes(TWO)
    listed = type(tmp_path).iterdir

    def iterdir(path):
        if path.name == "a":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(type(tmp_path), "iterdir", iterdir)
    bad, *found = read_source(str(tmp_path))
    expected = BadLine(
        1, "a", "expected a folder that can be read: Permission denied", file=str(tmp_path / "a"), incomplete=True
    )
    assert (bad, len(found)) == (expected, 2)


def test_what_is_no_file_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "a.jsonl")
    (tmp_path / "b.jsonl").write_bytes(TWO)
    bad, *found = read_source(str(tmp_path))
    assert (bad.reason, len(found)) == ("expected a file", 2)


def test_a_table_that_has_no_title_does_not_stop_the_folder(tmp_path):
    (tmp_path / "a.csv").write_text("x,y\n1,2\n")
    (tmp_path / "b.csv").write_bytes(TABLE)
    bad, *found = read_source(str(tmp_path))
    assert "no column is the title" in bad.reason
    assert len(found) == 2


def test_a_build_names_the_file_and_hands_the_options_through(tmp_path):
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "a.csv").write_text("id;Tên\nmot;Lò gốm\n;\nhai;Lụa;thừa\n", encoding="utf-8")
    options = BuildOptions(source=SourceOptions({"title": "tên"}))
    report = build(Home(tmp_path / "home"), [str(folder)], HashingEncoder, options)
    assert (report.lines, report.articles) == (2, 1)
    (problem,) = report.problems
    assert str(problem) == f"{folder / 'a.csv'}:4: 'hai;Lụa;thừa\\n': expected 2 cells, found 3"
    (reject,) = report.rejects.read_text().splitlines()
    assert json.loads(reject)["source"] == str(folder / "a.csv")


# Options


def test_options_are_checked():
    with pytest.raises(ValueError, match="'titel': expected a field of the archive line: aliases, author"):
        SourceOptions({"titel": "x"})
    for name in ("no such", "base64", "undefined", "a\0"):
        with pytest.raises(ValueError, match="expected an encoding such as windows-1258"):
            SourceOptions(encoding=name)
    assert SourceOptions({"title": "x"}, "CP1258").encoding == "CP1258"
