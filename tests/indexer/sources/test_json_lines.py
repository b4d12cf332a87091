"""JSON Lines: what counts as a line, and what is said of one that holds no object."""

import itertools
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import SourceError
from indexer.sources import BadLine, Reading, read_source
from indexer.sources import stream as streams
from indexer.sources.json_lines import read
from indexer.sources.stream import open_stream

BOM = b"\xef\xbb\xbf"


def read_file(path):
    with open_stream(path) as stream:
        return list(read(stream))


@pytest.fixture
def lines(tmp_path):
    """Return a function that reads the lines of some bytes."""

    def read_bytes(content):
        path = tmp_path / "a.jsonl"
        path.write_bytes(content)
        return read_file(path)

    return read_bytes


def test_a_reading_for_each_object(lines):
    content = '{"id": "a", "title": "Gốm"}\n{"id": "b", "x": [1, null]}\n'.encode()
    assert lines(content) == [
        Reading(1, {"id": "a", "title": "Gốm"}, derived=False),
        Reading(2, {"id": "b", "x": [1, None]}, derived=False),
    ]


@pytest.mark.parametrize(
    "content",
    [
        b'{"id": "a"}\n{"id": "b"}',
        b'{"id": "a"}\r\n{"id": "b"}\r\n',
        BOM + b'{"id": "a"}\n{"id": "b"}\n',
        b'{"id": "a"}\n  {"id": "b"}\t \n',
    ],
)
def test_ends_of_lines_and_a_byte_order_mark_do_not_count(lines, content):
    assert lines(content) == [Reading(1, {"id": "a"}), Reading(2, {"id": "b"})]


def test_blank_lines_count_only_as_numbers(lines):
    assert lines(b'\n \r\n{"id": "a"}\n\n\t\n{"id": "b"}\n\n') == [Reading(3, {"id": "a"}), Reading(6, {"id": "b"})]


@pytest.mark.parametrize("content", [b"", b"\n", b" \n\r\n", BOM, BOM + b"\n"])
def test_nothing(lines, content):
    assert lines(content) == []


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (b"[1, 2]", "expected a JSON object, found list"),
        (b'"a"', "expected a JSON object, found str"),
        (b"3", "expected a JSON object, found int"),
        (b"null", "expected a JSON object, found NoneType"),
        (b'{"id": "a"', "expected a JSON object: Expecting ',' delimiter: line 1 column 11 (char 10)"),
        (b'{"id": "a"} {"id": "b"}', "expected a JSON object: Extra data: line 1 column 13 (char 12)"),
        (b"{'id': 'a'}", "expected a JSON object: Expecting property name enclosed in double quotes"),
        (b'{"id": NaN}', "expected a JSON object: NaN is not JSON"),
        (b'{"id": -Infinity}', "expected a JSON object: -Infinity is not JSON"),
        (b'{"id": "a\xff"}', "expected UTF-8, found byte 0xff"),
        ('{"id": "gốm"}'.encode("utf-16-le"), "expected UTF-8, found byte 0xd1"),
        (b'{"id": "\xed\xa0\x80"}', "expected UTF-8, found byte 0xed"),
        (b"[" * 100_000, "expected JSON nested less deeply"),
        (b'{"a":' * 100_000, "expected JSON nested less deeply"),
        (b'{"n": ' + b"9" * 5000 + b"}", "expected a JSON object: Exceeds the limit (4300 digits)"),
        (BOM + b'{"id": "a"}', "expected a JSON object: Unexpected UTF-8 BOM"),
    ],
)
def test_a_bad_line_is_told_and_the_next_one_read(lines, line, reason):
    first, bad, last = lines(b'{"id": "a"}\n' + line.replace(b"\n", b"") + b'\n{"id": "b"}\n')
    assert (first, last) == (Reading(1, {"id": "a"}), Reading(3, {"id": "b"}))
    assert isinstance(bad, BadLine)
    assert bad.line == 2
    assert bad.reason.startswith(reason)
    assert bad.raw == line.decode("utf-8", "replace")


def test_long_integers_within_the_limit_are_kept(lines):
    assert lines(b'{"n": ' + b"9" * 4000 + b"}") == [Reading(1, {"n": 10**4000 - 1})]


def test_lone_surrogates_reach_the_validation(lines):
    assert lines(rb'{"id": "\ud83d", "\udc00": 1}') == [Reading(1, {"id": "\ud83d", "\udc00": 1})]


def test_lines_are_read_one_at_a_time(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"id": "a"}\n' * 3)
    reading = read_source(str(path))
    assert next(reading).line == 1
    with path.open("ab") as file:
        file.write(b'{"id": "b"}\n' * 100_000)
    assert sum(1 for _ in reading) == 100_002


def test_two_objects_on_a_line_are_none(lines):
    bad, last = lines(b'{"id": "a"}{"id": "b"}\n{"id": "c"}\n')
    assert (bad.line, last) == (1, Reading(2, {"id": "c"}))
    assert "Extra data" in bad.reason


@pytest.mark.parametrize("end", [b"", b"\n"])
def test_a_line_of_the_greatest_length_is_read(lines, monkeypatch, end):
    monkeypatch.setattr(streams, "MAX_LINE", 20)
    whole = b'{"id": "0123456789"}'
    assert len(whole) == 20
    assert lines(whole + end) == [Reading(1, {"id": "0123456789"})]
    assert lines(b" " + whole + end)[0].reason == streams.TOO_LONG


def test_a_longer_line_is_told_by_its_start_and_the_next_one_read(lines, monkeypatch):
    monkeypatch.setattr(streams, "MAX_LINE", 5000)
    long = b'{"id": "' + b"x" * 200_000 + b'"}'
    bad = BadLine(2, long[:1000].decode(), streams.TOO_LONG)
    assert lines(b'{"id": "a"}\n' + long + b'\n{"id": "b"}') == [Reading(1, {"id": "a"}), bad, Reading(3, {"id": "b"})]
    assert lines(b"\n" + long) == [bad]


def test_a_line_without_end_is_not_held_in_memory():
    piece = bytes(2**20)
    stream = streams.Stream(itertools.chain(itertools.repeat(piece, 300), [b'\n{"id": "b"}']))
    tracemalloc.start()
    bad, last = read(stream)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert (bad.line, bad.reason, last) == (1, "expected at most 64 MiB on a line", Reading(2, {"id": "b"}))
    assert peak < 200 * 2**20


@given(st.lists(st.dictionaries(st.text(max_size=5), st.none() | st.text() | st.lists(st.integers())), max_size=5))
def test_what_was_written_is_read(tmp_path_factory, objects):
    path = tmp_path_factory.getbasetemp() / "written.jsonl"
    path.write_text("".join(json.dumps(o, ensure_ascii=False) + "\n" for o in objects), encoding="utf-8", newline="")
    assert [reading.fields for reading in read_file(path)] == objects


@given(st.binary(max_size=60) | st.text('{}[]":,\n\\u0d8eE+-.1 tfn', max_size=60).map(str.encode))
def test_any_bytes_can_be_read(tmp_path_factory, content):
    path = tmp_path_factory.getbasetemp() / "any.jsonl"
    path.write_bytes(content)
    numbers = [found.line for found in read_file(path)]
    assert numbers == sorted(set(numbers))
    assert len(numbers) == sum(1 for line in content.removeprefix(BOM).split(b"\n") if line.strip())


# By name


@pytest.mark.parametrize("name", ["a.jsonl", "a.NDJSON"])
def test_the_ending_names_the_format(tmp_path, name):
    (tmp_path / name).write_bytes(b'{"id": "a"}')
    assert list(read_source(str(tmp_path / name))) == [Reading(1, {"id": "a"})]


def test_a_source_that_cannot_be_read_is_named(tmp_path):
    with pytest.raises(SourceError, match=r"a\.docx'?: expected a folder, or a file ending in \.jsonl, \.ndjson"):
        list(read_source(str(tmp_path / "a.docx")))
    with pytest.raises(SourceError, match=r"none\.jsonl'?: No such file or directory"):
        list(read_source(str(tmp_path / "none.jsonl")))
