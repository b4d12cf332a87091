"""Tables: delimiters, encodings, which column is which field, and what is said of rows that do not fit."""

import csv
import io
import tracemalloc
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.errors import SourceError
from indexer.sources import BadLine, Reading, SourceOptions, read_source, rows
from indexer.text import addresses

TITLES = ["Công nhân may chờ lương tháng mười", "Giá điện khu trọ Đồng Sấu tăng", "Lò gốm đỏ lửa suốt ba ngày đêm"]
TABLE = "id,title\n" + "".join(f"a{n},{title}\n" for n, title in enumerate(TITLES))
READ = [Reading(n + 2, {"id": f"a{n}", "title": title}) for n, title in enumerate(TITLES)]


@pytest.fixture
def table(tmp_path):
    """Return a function that reads a table of some text or bytes."""

    def read(content, name="a.csv", encoding=None, **columns):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return list(read_source(str(path), SourceOptions(columns, encoding)))

    return read


def windows_1258(content):
    """Return the text in windows-1258, where a letter's tone is a character of its own."""
    out = b""
    for letter in content:
        try:
            out += letter.encode("cp1258")
        except UnicodeEncodeError:
            base, *marks = unicodedata.normalize("NFD", letter)
            tones = [mark for mark in marks if mark in "\u0300\u0301\u0303\u0309\u0323"]
            bare = unicodedata.normalize("NFC", base + "".join(mark for mark in marks if mark not in tones))
            out += (bare + "".join(tones)).encode("cp1258")
    return out


def composed(readings):
    return [
        Reading(r.line, {name: unicodedata.normalize("NFC", value) for name, value in r.fields.items()})
        for r in readings
    ]


# Cells


@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "A.CSV"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiters(table, name, delimiter):
    assert table(TABLE.replace(",", delimiter), name) == READ


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_ends_of_lines(table, end):
    assert table(TABLE.replace("\n", end)) == READ
    assert table(TABLE.rstrip("\n").replace("\n", end)) == READ


def test_the_delimiter_is_the_one_that_makes_names(table):
    assert table("id;title;lead, or sapo, or teaser\n1;Gốm;x\n")[0].fields["title"] == "Gốm"
    assert table("id\ttitle\ta, b, c, d\n1\tGốm\tx\n")[0].fields == {"id": "1", "title": "Gốm", "a, b, c, d": "x"}
    assert table("Mã|Tên, đầy đủ, không tắt\n1|Gốm\n", id="Mã", title="Tên, đầy đủ, không tắt")[0].fields["id"] == "1"
    assert table('"id";"title"\n"1";"Gốm; lụa"\n')[0].fields["title"] == "Gốm; lụa"
    assert table("title\nGốm, lụa\n")[0].reason == "expected 1 cells, found 2"
    assert table("title\nGốm; lụa\n", "a.tsv")[0].fields["title"] == "Gốm; lụa"


def test_quoted_cells_and_the_lines_where_rows_start(table):
    content = 'id,title,body\n1,"Gốm ""đỏ"", lụa","Một.\n\nHai."\n\n2,Lụa,"Ba.\r\nBốn."\n3,Mây,\n'
    first, second, third = table(content)
    assert first == Reading(2, {"id": "1", "title": 'Gốm "đỏ", lụa', "body": "Một.\n\nHai."})
    assert second == Reading(6, {"id": "2", "title": "Lụa", "body": "Ba.\r\nBốn."})
    assert third == Reading(8, {"id": "3", "title": "Mây"})


@pytest.mark.parametrize(("row", "found"), [("1", 1), ("1,Gốm", 2), ("1,Gốm,x,y", 4), ("1,Gốm,x,", 4)])
def test_too_few_and_too_many_cells(table, row, found):
    content = f"id,title,lead\n{row}\n2,Lụa,x\n"
    bad = BadLine(2, row + "\n", f"expected 3 cells, found {found}")
    assert table(content) == [bad, Reading(3, {"id": "2", "title": "Lụa", "lead": "x"})]


def test_blank_rows_are_none(table):
    assert table("id,title\n\n,\n , \n1,Gốm\n\n") == [Reading(5, {"id": "1", "title": "Gốm"})]


@pytest.mark.parametrize("stray", ['1,"Gốm', '1,"Gốm" đỏ', '"1,Gốm', '1,"Gốm" "'])
def test_a_stray_quote_costs_its_row(table, stray):
    bad, *rest = table(f'id,title\n{stray}\n2,Lụa\n3,"Mây\ntre"\n4,Đá\n')
    assert (bad.line, bad.raw) == (2, stray)
    assert bad.reason.startswith("expected cells, quoted where they hold quotes or line ends")
    assert rest == [
        Reading(3, {"id": "2", "title": "Lụa"}),
        Reading(4, {"id": "3", "title": "Mây\ntre"}),
        Reading(6, {"id": "4", "title": "Đá"}),
    ]


def test_a_quote_that_is_not_closed_is_looked_for_within_some_lines(table):
    bad, *found = table('id,title\n0,"Gốm\n' + "".join(f"{n},Lụa\n" for n in range(25_000)) + '0,"Gốm"\n')
    assert (bad.line, bad.reason) == (2, rows.TOO_LONG)
    assert [reading.line for reading in found] == list(range(3, 25_004))


def test_many_stray_quotes_do_not_take_for_ever(table, monkeypatch):
    monkeypatch.setattr(rows, "MAX_LINE", 500)
    monkeypatch.setattr(rows, "_READ_AGAIN", 0)
    monkeypatch.setattr(rows, "_READ_AGAIN_AT_FIRST", 16 * 500 * (8 + rows._LINE_COST) // 8)
    found = table("id,title\n" + 'a",b,"c\n' * 20_000 + "x,Đá\n")
    assert [bad.line for bad in found[:16]] == list(range(2, 18))  # each with the 500 characters after it read again
    assert "passed over up to line" in found[-1].reason
    assert len(found) < 1000


def test_a_quote_between_tabs_may_be_a_letter(table):
    found = table('id\ttitle\n1\t"Gốm" đỏ lửa\n2\t"Lụa\ttím"\n3\t"Mây\n4\tĐá\n')
    assert [reading.fields["title"] for reading in found] == ['"Gốm" đỏ lửa', "Lụa\ttím", '"Mây', "Đá"]
    assert [reading.line for reading in found] == [2, 3, 4, 5]


def test_nul(table):
    found = table("id,title\n1,G\0ốm\n2,Lụa\n")
    assert found[1:] == [Reading(3, {"id": "2", "title": "Lụa"})]
    assert (found[0].line, found[0].reason.startswith("expected text, found NUL")) == (2, True)


def test_rows_of_the_greatest_length(table, monkeypatch):
    monkeypatch.setattr(rows, "MAX_LINE", 30)
    long = "x" * 100_000
    found = table(f'id,title\n1,{"y" * 28}\n2,{"y" * 29}\n3,{long}\n4,"{"a" * 20}\n{"b" * 20}"\n5,Đá\n6,"{long}"')
    assert found[0].fields["title"] == "y" * 28
    assert [(bad.line, bad.reason) for bad in found[1:4]] == [(n, rows.TOO_LONG) for n in (3, 4, 5)]
    assert found[4].line == 6  # what went on there is no row by itself
    assert found[5] == Reading(7, {"id": "5", "title": "Đá"})
    assert (found[6].line, found[6].reason) == (8, rows.TOO_LONG)


def test_a_cell_of_50_mb(table):
    cell = "x" * (50 * 10**6)
    first, second = table(f'id,title,body\n1,Gốm,"{cell}"\n2,Lụa,\n')
    assert first.fields["body"] == cell
    assert second == Reading(3, {"id": "2", "title": "Lụa"})


def test_rows_are_read_one_at_a_time(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text("id,title\n" + "".join(f"{n},{'Gốm ' * 100}\n" for n in range(20_000)))
    tracemalloc.start()
    assert sum(1 for _ in read_source(str(path))) == 20_000
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 4 * 2**20


# Encodings


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be"])
def test_unicode_is_recognised(table, encoding):
    assert table(TABLE.encode(encoding)) == READ
    bom = "\ufeff".encode(encoding) if encoding in {"utf-16-le", "utf-16-be"} else b""
    assert table(bom + TABLE.encode(encoding)) == READ


@pytest.mark.parametrize("encoding", [None, "windows-1258"])
def test_windows_1258(table, encoding):
    assert composed(table(windows_1258(TABLE), encoding=encoding)) == READ
    assert composed(table(windows_1258("id,title\n1,Gốm Bát Tràng\n"), encoding=encoding))[0].fields["title"] == (
        "Gốm Bát Tràng"
    )


def test_windows_1252(table):
    french = "id,title\n1,L'été à la filature déçoit\n2,Les élèves français espéraient Noël\n"
    assert [r.fields["title"] for r in table(french.encode("cp1252"))] == [
        "L'été à la filature déçoit",
        "Les élèves français espéraient Noël",
    ]


def test_an_encoding_that_is_named_is_taken(table):
    assert table(TABLE.encode("utf-16-be"), encoding="utf-16-be") == READ
    assert table("id,title\n1,пламя\n".encode("koi8-r"), encoding="koi8-r")[0].fields["title"] == "пламя"
    assert table(TABLE, encoding="windows-1252")[0] != READ[0]


def test_a_few_damaged_bytes_are_no_other_encoding(table):
    found = table(TABLE.encode().replace("điện".encode(), "điện".encode() + b"\xff"))
    assert [found[0], found[2]] == [READ[0], READ[2]]
    assert (found[1].line, found[1].reason) == (3, "expected UTF-8, found byte 0xff")


def test_bytes_that_come_late(table):
    content = b"id,title\n" + b"".join(b"%d,Tin\n" % n for n in range(60_000)) + "x,Gốm\n".encode()
    assert table(content)[-1].fields["title"] == "Gốm"
    assert table(content + b"y,G\xf4m\n")[-1].reason == "expected UTF-8, found byte 0xf4"


def test_characters_that_an_encoding_does_not_have(table):
    found = table(b"id,title\n1,G\x81m\n2,L\n", encoding="windows-1252")
    assert found[0].reason == "expected windows-1252, found bytes that it has no character for"
    assert found[1] == Reading(3, {"id": "2", "title": "L"})


# Columns


def test_headers_that_are_fields_are_taken_and_others_go_along(table):
    header = ' ID ,Title,PUBLISHED AT,Body-HTML,"Số, báo",Ghi chú,Ghi chú,'
    (found,) = table(header + "\n 1 , Gốm ,2023-11-07,<p>x</p>,12, cũ ,mới,y\n")
    assert found.fields == {
        **{"id": "1", "title": "Gốm", "published_at": "2023-11-07", "body_html": "<p>x</p>"},
        **{"Số, báo": "12", "Ghi chú": " cũ ", "Ghi chú (2)": "mới"},
    }


def test_columns_are_mapped(table):
    content = "Mã,Tiêu đề,title,Chuyên mục\n1,Gốm,gom,Làng nghề\n"
    (found,) = table(content, id="mã", title=" Tiêu Đề ", section=unicodedata.normalize("NFD", "Chuyên mục"))
    assert found.fields == {"id": "1", "title": "Gốm", "section": "Làng nghề", "title (2)": "gom"}
    (found,) = table("Đường dẫn,title\nbao.vn/x,Gốm\n", id="Đường dẫn", url="Đường dẫn")
    assert (found.fields["id"], found.fields["url"], found.derived) == ("bao.vn/x", "bao.vn/x", False)
    (found,) = table("title,lead\nA,B\n", title="lead")
    assert found.fields["title"] == "B"
    assert "lead" not in found.fields


@pytest.mark.parametrize(
    ("content", "columns", "said"),
    [
        ("id,title\n", {"lead": "Sapo"}, "lead=Sapo: no column of this name: expected one of 'id', 'title'"),
        ("id,title,X,x\n", {"lead": " x-"}, "lead= x-: more than one column of this name"),
        ("id,Title,title \n", {}, "'Title' and 'title' are both title: expected one"),
        ("id,Tên\n1,Gốm\n", {}, "no column is the title: map it to one of 'id', 'Tên'"),
        ("", {}, "expected names of columns, found nothing"),
        ("\n\n", {}, "expected names of columns, found nothing"),
        ('id,"title\n1,Gốm\n', {}, "header line: expected cells, quoted"),
        ("i\0d,title\n", {}, "header line: expected text, found NUL"),
    ],
)
def test_headers_that_will_not_do(table, content, columns, said):
    with pytest.raises(SourceError, match=r"source: '.*a\.csv': header line: ") as caught:
        table(content, **columns)
    assert said in str(caught.value)


def test_lists(table):
    (found,) = table("id,title,tags,aliases\n1,Gốm,gốm sứ; làng nghề |, đỏ,;,b-cu|c\n".replace("|, ", "| "))[:1]
    assert isinstance(found, BadLine)
    (found,) = table("id\ttitle\ttags\taliases\n1\tGốm\tgốm sứ; làng nghề | đỏ, nâu;\tcu|bao.vn/gom\n", "a.tsv")
    assert found.fields["tags"] == ["gốm sứ", "làng nghề", "đỏ, nâu"]
    assert found.fields["aliases"] == ["cu", "bao.vn/gom"]


def test_ids_are_derived_where_there_is_no_such_column(table):
    found = table("title,url\nGốm  đỏ,https://www.bao.vn/x?utm_source=y\nGốm  đỏ,\n,http://bao.vn/x/\n,\n")
    by_url, by_title = addresses.derived_id("u", "bao.vn/x"), addresses.derived_id("t", "gom do")
    assert [(r.fields["id"], r.derived) for r in found] == [(by_url, True), (by_title, True), (by_url, True)]
    (missing,) = table("id,title\n,Gốm\n")
    assert missing == Reading(2, {"title": "Gốm"}, derived=False)


# Whatever comes


cells = st.text(st.characters(exclude_characters="\0\r\ufeff", exclude_categories=["Cs"]), max_size=8)


@given(st.lists(st.tuples(cells, cells, cells), max_size=6), st.sampled_from(",;\t|"), st.booleans())
def test_what_was_written_is_read(tmp_path_factory, written, delimiter, wide):
    path = tmp_path_factory.getbasetemp() / "written.csv"
    out = io.StringIO(newline="")
    csv.writer(out, delimiter=delimiter, lineterminator="\n").writerows([("id", "title", "khác"), *written])
    path.write_bytes(out.getvalue().encode("utf-16" if wide else "utf-8-sig"))
    found = [r for r in read_source(str(path)) if isinstance(r, Reading)]
    if any("\N{REPLACEMENT CHARACTER}" in "".join(row) for row in written):
        return
    expected = [row for row in written if any(cell.strip() for cell in row)]
    assert [tuple(r.fields.get(name, "") for name in ("id", "title", "khác")) for r in found] == [
        (row[0].strip(), row[1].strip(), row[2] if row[2].strip() else "") for row in expected
    ]


@given(st.binary(max_size=80) | st.text(',;\t|"\n\r\\ \0ốé', max_size=80).map(str.encode), st.booleans())
def test_any_bytes_can_be_read(tmp_path_factory, content, named):
    path = tmp_path_factory.getbasetemp() / "any.csv"
    path.write_bytes((b"id,title\n" if named else b"") + content)
    try:
        numbers = [found.line for found in read_source(str(path))]
    except SourceError as error:
        assert str(error).startswith("source: ")  # noqa: PT017
        return
    assert numbers == sorted(set(numbers))
