"""Broken inputs of every kind we could think of, made when a test asks for one.

Each `Case` says what a build has to say of it and how many of its articles are good all the same. In `report`, `@`
stands for the source as it was named.
"""

import gzip
import hashlib
import io
import json
import os
import tarfile
import unicodedata
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import zstandard

from indexer.sources import rows, stream

BOM = b"\xef\xbb\xbf"
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x00\x00\x01\x00\x01\x00\x00\xff\xdb\x00C\x00\x08\x06\x06\n\x07" * 40


@dataclass(frozen=True)
class Case:
    """A broken input.

    :param name: What is broken.
    :param make: Makes it in a directory, with what else has to be broken, and returns the source.
    :param report: Expressions of which each is found in what the build says on stderr.
    :param good: How many of its articles are indexed all the same.
    :param status: The exit status.
    :param whole: Whether it is indexed as the whole archive; it then has the stored articles' ids.
    :param options: Further options of the call.
    :param found: How many articles a check of the source finds, where they are not `good`.
    """

    name: str
    make: Callable[[Path, pytest.MonkeyPatch], Path]
    report: tuple[str, ...]
    good: int = 0
    status: int = 0
    whole: bool = False
    options: tuple[str, ...] = ()
    found: int | None = None


CASES: list[Case] = []


def article(n: int, **fields: object) -> dict[str, object]:
    return {"id": f"moi-{n}", "title": f"Tin mới số {n}", "body": f"Bà Lò Thị Nhị kể chuyện thứ {n}.", **fields}


def line(n: int, **fields: object) -> bytes:
    return json.dumps(article(n, **fields), ensure_ascii=False).encode() + b"\n"


def case(name: str, make: Callable[..., Path], *report: str, **expected: object) -> None:
    CASES.append(Case(name, make, report, **expected))  # type: ignore[arg-type]


def file(name: str, content: bytes) -> Callable[[Path, pytest.MonkeyPatch], Path]:
    def make(directory: Path, patch: pytest.MonkeyPatch) -> Path:
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        return path

    return make


def files(name: str, contents: dict[str, bytes]) -> Callable[[Path, pytest.MonkeyPatch], Path]:
    def make(directory: Path, patch: pytest.MonkeyPatch) -> Path:
        for inner, content in contents.items():
            file(f"{name}/{inner}", content)(directory, patch)
        (directory / name).mkdir(exist_ok=True)
        return directory / name

    return make


def windows_1258(text: str) -> bytes:
    """Encode a text whose tone marks stand apart, as that code page has them."""
    letters = []
    for letter in text:
        try:
            letters.append(letter.encode("cp1258"))
        except UnicodeEncodeError:
            *base, mark = unicodedata.normalize("NFD", letter)
            apart = unicodedata.normalize("NFC", "".join(base)) + mark
            try:
                letters.append(apart.encode("cp1258"))
            except UnicodeEncodeError:  # the dot below sorts before the circumflex
                letters.append((unicodedata.normalize("NFC", base[0] + mark) + base[1]).encode("cp1258"))
    return b"".join(letters)


def bad_line(name: str, raw: bytes, reason: str) -> None:
    """One bad line between two good articles."""
    case(name, file("a.jsonl", line(1) + raw + b"\n" + line(2)), f"(?m)^@:2: .*{reason}", good=2)


def bad_field(name: str, field: str, value: object, reason: str) -> None:
    """A value that its field may not have; the line is ASCII, so that lone surrogates can be written."""
    fields = {"id": "xau", "title": "Tin xấu", field: value}
    bad_line(name, json.dumps(fields).encode(), rf"{field}[.\w]*: .*{reason}")


def json_lines() -> None:
    bad_line("cut in a string", b'{"id": "xau", "title": "Tin x', "expected a JSON object: Unterminated string")
    bad_line("cut after a key", b'{"id": "xau", "title":', "expected a JSON object")
    bad_line("cut in an escape", rb'{"id": "xau", "title": "\u00', "expected a JSON object: Invalid")
    bad_line("cut in a letter", '{"id": "xau", "title": "Lũ'.encode()[:-1], "expected UTF-8, found byte 0xc5")
    bad_line("two objects on a line", line(8).strip() + line(9).strip(), "expected a JSON object: Extra data")
    bad_line("two objects and a blank", line(8).strip() + b" " + line(9).strip(), "Extra data")
    bad_line("a comma after the object", line(8).strip() + b",", "Extra data")
    bad_line("trailing garbage", line(8).strip() + b" -- het", "Extra data")
    bad_line("a comma too many", b'{"id": "xau", "title": "T",}', "expected a JSON object")
    bad_line("single quotes", b"{'id': 'xau', 'title': 'T'}", "expected a JSON object")
    bad_line("no quotes", b"{id: xau}", "expected a JSON object")
    bad_line("a comment", b"// het", "expected a JSON object")
    bad_line("an array", b'["xau", "T"]', "expected a JSON object, found list")
    bad_line("an array of articles", b"[" + line(8).strip() + b"]", "expected a JSON object, found list")
    for name, raw in {"str": b'"xau"', "int": b"7", "float": b"7.5", "bool": b"true", "NoneType": b"null"}.items():
        bad_line(f"a scalar, {name}", raw, f"expected a JSON object, found {name}")
    for constant in ("NaN", "Infinity", "-Infinity"):
        raw = f'{{"id": "xau", "title": "T", "x": {constant}}}'.encode()
        bad_line(f"{constant} in a field", raw, f"{constant} is not JSON")
    bad_line("a number out of range", b'{"id": "xau", "title": "T", "x": 1e999}', "extra: .*expected finite numbers")
    bad_line("an integer of 5000 digits", b'{"id": "xau", "x": ' + b"9" * 5000 + b"}", "expected a JSON object")
    bad_line("100,000 brackets", b'{"id": "xau", "x": ' + b"[" * 100_000, "expected JSON nested less deeply")
    bad_line("100,000 objects", b'{"x":' * 100_000 + b"1" + b"}" * 100_000, "expected JSON nested less deeply")
    bad_line("100,000 pairs of brackets", b"[" * 100_000 + b"]" * 100_000, "expected JSON nested less deeply")
    deep = b'{"id": "xau", "title": "T", "x": ' + b"[" * 90 + b"]" * 90 + b"}"
    bad_line("90 brackets in an unknown field", deep, "extra: .*nested at most 64 deep")
    bad_line("a JPEG", JPEG.replace(b"\n", b""), "expected UTF-8, found byte 0xff")
    bad_line("NUL bytes", b"\0" * 500, "expected a JSON object")
    bad_line("a NUL in a string", b'{"id": "xau", "title": "T\0T"}', "Invalid control character")
    bad_line("a tab in a string", b'{"id": "xau", "title": "T\tT"}', "Invalid control character")
    bad_line("a bad escape", rb'{"id": "xau", "title": "\x41"}', r"Invalid \\escape")
    bad_line("an overlong form of a letter", b'{"id": "xau", "title": "\xc0\xaf"}', "expected UTF-8, found byte 0xc0")
    bad_line("a surrogate in UTF-8", b'{"id": "xau", "title": "\xed\xa0\x80"}', "expected UTF-8, found byte 0xed")
    bad_line("a letter beyond Unicode", b'{"id": "xau", "title": "\xf4\x90\x80\x80"}', "expected UTF-8, found byte")
    latin = '{"id": "xau", "title": "Lời kể của bà"}'
    bad_line("one line in windows-1258", windows_1258(latin), "expected UTF-8")
    bad_line("one line in Latin-1", '{"id": "xau", "title": "là và"}'.encode("latin-1"), "expected UTF-8")
    bad_line("an empty object", b"{}", "id: nothing: required")
    bad_line("a page in HTML", "<p>Không phải JSON</p>".encode(), "expected a JSON object")
    bad_line("a row of CSV", b"id,title,body", "expected a JSON object")
    bad_line("a byte order mark within", BOM + line(8).strip(), "expected a JSON object")
    bad_line("a conflict of a merge", b"<<<<<<< HEAD", "expected a JSON object")


def ids() -> None:
    wrong = {"an int": 7, "a float": 7.5, "a bool": True, "null": None, "a list": ["a"], "an object": {"a": 1}}
    for name, value in wrong.items():
        bad_field(f"id is {name}", "id", value, "expected a string")
    forbidden = {
        **{"empty": "", "a dot": ".", "two dots": "..", "129 characters": "a" * 129, "a megabyte": "a" * 1_000_000},
        **{"with a slash": "a/b", "a slash": "/", "with a line break": "a\nb", "with a NUL": "a\0b"},
        **{"with DEL": "a\x7fb", "with C1": "a\x85b", "with a blank before": " a", "with a blank after": "a "},
        **{"blank": " ", "a lone surrogate": "a\ud800", "a no-break space": "\xa0", "an escape sequence": "\x1b[31m"},
    }
    for name, value in forbidden.items():
        bad_field(f"id is {name}", "id", value, "expected 1 to 128 characters")
    bad_line("no id", b'{"title": "T"}', "id: nothing: required")
    bad_line("an id in another case", b'{"ID": "xau", "title": "T"}', "id: nothing: required")
    repeated = line(1) + line(2) + line(1, title="Tin mới số 1, bản sau")
    case("one id twice", file("a.jsonl", repeated), good=2)
    case("one id on every line", file("a.jsonl", line(1) * 50), good=1)
    case("one key twice in an object", file("a.jsonl", b'{"id": "moi-0", "id": "moi-1", "title": "T"}\n'), good=1)
    case("a good line, then a bad one of its id", file("a.jsonl", line(1) + line(1, title=7)), "@:2: title: 7", good=1)


def fields() -> None:
    texts = ("title", "lead", "body", "body_html", "url", "section", "author", "source", "image_url")
    values = ({"an int": 7, "a list": ["T"]}, {"an object": {"a": "T"}, "a bool": False})
    for at, field in enumerate(texts):
        for name, value in values[at % 2].items():
            bad_field(f"{field} is {name}", field, value, "expected a string")
    for name, value in {"empty": "", "blank": " \t\n", "controls only": "\x00\x01\ufeff"}.items():
        bad_field(f"title is {name}", "title", value, "expected a string that is not empty")
    bad_field("title is null", "title", None, "expected a string")
    bad_line("no title", b'{"id": "xau", "body": "T"}', "title: nothing: required")
    bad_line("nothing right", b'{"id": 7, "title": 7, "tags": 7, "lead": 7}', "id: 7: expected a string")
    for field in ("tags", "aliases"):
        for name, value in {"a string": "a, b", "an object": {"a": 1}, "an int": 7, "a list of ints": [1, 2]}.items():
            bad_field(f"{field} is {name}", field, value, "expected a (valid list|string)")
    bad_field("a list in tags", "tags", ["a", ["b"]], "expected a string")


def dates() -> None:
    none_such = (
        *("2023-02-29", "2023-02-30", "1900-02-29", "2023-04-31", "2023-13-01", "2023-00-10", "2023-01-00"),
        *("0000-01-01", "2023-11-07T25:00", "2023-11-07T17:60", "2023-11-07T17:04:61", "2023-11-07T17:04+99:00"),
        *("07/11/2023", "7-11-2023", "2023/11/07", "20231107", "2023-W45-2", "2023-11-7", "2023-11", "2023"),
        *("hôm qua", "Thứ ba, 07/11/2023 17:04 (GMT+7)", "Tue, 07 Nov 2023 17:04:00 GMT", "2023-11-07 17h04"),
        *(
            "2023-11-07T17:04 giờ",
            "٢٠٢٣-١١-٠٧",
            "2023-11-07T\ud800",
            "9999-12-31T23:59-12:00",
            "0001-01-01T00:00+14:00",
        ),
        *("12023-01-01", "-2023-01-01", "1699351440", "NaN", "2023-11-07T17:04:05.123.456", "\x1b[2J"),
    )
    for value in none_such:
        bad_field(f"published_at is {value!a}", "published_at", value, r"\w+")
    for name, value in {
        "an int": 1699351440,
        "a bool": True,
        "a list": ["2023-11-07"],
        "an object": {"$date": 1},
    }.items():
        bad_field(f"updated_at is {name}", "updated_at", value, "expected an ISO 8601 time")
    bad_field("unpublish_at is a float", "unpublish_at", 1.5, "expected an ISO 8601 time")


def odd_but_good() -> None:
    """What is no article's fault, or can be repaired: nothing is reported, all is indexed."""
    good = {
        "CRLF": line(1).replace(b"\n", b"\r\n") + line(2).replace(b"\n", b"\r\n"),
        "no line break at the end": line(1) + line(2).strip(),
        "a byte order mark": BOM + line(1) + line(2),
        "blank lines": b"\n \n" + line(1) + b"\r\n\n" + line(2) + b"\n\n\n",
        "lone surrogates in texts": rb'{"id": "moi-1", "title": "T \ud800", "x": "\udfff"}' + b"\n" + line(2),
        "an integer beyond 64 bits": line(1, x=2**80) + line(2, x=-(2**70)),
        "NULs escaped in texts": line(1, title="T\0T", body="\0\0") + line(2),
        "10,000 nested elements": line(1, body=None, body_html="<div>" * 10_000 + "T") + line(2),
        "an HTML that closes what it never opened": line(1, body=None, body_html="</p></div>" * 5000) + line(2),
        "an HTML cut in a tag": line(1, body=None, body_html='<p>Chuyện <a href="http') + line(2),
        "an HTML with a bomb of entities": line(
            1,
            body=None,
            body_html='<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;&a;&a;">'
            '<!ENTITY c "&b;&b;&b;&b;&b;&b;&b;&b;&b;&b;">]><p>&c;</p>',
        )
        + line(2),
        "an HTML of 20,000 attributes": line(1, body_html="<p " + " ".join(f"a{n}=1" for n in range(20_000)) + ">T")
        + line(2),
        "an HTML that is a JPEG": line(1, body=None, body_html=JPEG.decode("latin-1")) + line(2),
        "an HTML of comments": line(1, body=None, body_html="<!-- " * 5000) + line(2),
        "an HTML with another encoding's declaration": line(
            1, body=None, body_html='<?xml version="1.0" encoding="utf-16"?><meta charset="utf-7"><p>Chữ</p>'
        )
        + line(2),
        "a url that is none": line(1, url="http://[::1", aliases=["//", "http://", "javascript:alert(1)"]) + line(2),
        "a title of 200,000 characters": line(1, title="dài " * 50_000) + line(2),
        "a body of 2 million characters": line(1, body="dài " * 500_000) + line(2),
        "a thousand combining marks": line(1, title="a" + "\u0301" * 1000) + line(2),
        "a title of marks alone": line(1, title="\u0301\u0300") + line(2),
        "a right-to-left override": line(1, title="Tin \u202e gnưhn") + line(2),
        "extra is a list": line(1, extra=["a"]) + line(2, extra=None),
        "nulls among tags": line(1, tags=[None, "", "a", "a"]) + line(2, tags=None),
        "unknown fields by the thousand": line(1, **{f"x{n}": n for n in range(5000)}) + line(2),
        "names that are attacks": line(1, **{"__class__": 1, "model_config": 2, "": 3, "'; DROP TABLE": 4}) + line(2),
    }
    for name, content in good.items():
        case(f"good: {name}", file("a.jsonl", content), good=2)


def pages() -> None:
    head = "Bà Nhị giữ lò gốm cuối cùng\nĐời sống - 07/11/2023 17:04 Cù Văn Tịnh\n"
    body = "Sáng nào bà Nhị cũng nhóm lò từ lúc trời chưa sáng.\n"

    def bad_page(name: str, content: bytes, reason: str, good: int = 0) -> None:
        case(f"page: {name}", file("a.txt", content), reason, good=good)

    bad_page("empty", b"", "@:1: .*no text")
    bad_page("blank", b" \n\r\n\t\n", "@:1: .*no text")
    bad_page("only a byte order mark", BOM, "@:1: .*no text")
    bad_page("cut after the title", head.split("\n")[0].encode(), "@:1: .*found a title only")
    bad_page("cut in the section line", head.encode()[:-25], "@:2: .*expected SECTION")
    bad_page("cut after the section line", head.encode(), "@:1: .*found no body")
    bad_page("cut in a letter", (head + body).encode() + "ữ".encode()[:2], "@:4: .*expected UTF-8")
    bad_page("no section line", ("Bà Nhị\n" + body * 3).encode(), "@:2: .*expected SECTION")
    bad_page("no such day", (head.replace("07/11", "31/02") + body).encode(), "@:1: published_at: '31/02/2023")
    bad_page("no such hour", (head.replace("17:04", "27:04") + body).encode(), "@:1: published_at: ")
    bad_page("a JPEG", JPEG, "@:1: .*expected UTF-8, found byte 0xff")
    bad_page("UTF-16", (head + body).encode("utf-16"), "@:1: .*expected UTF-8")
    bad_page("windows-1258", windows_1258(head + body), "expected UTF-8")
    bad_page("two encodings", (head + body).encode() + "là và\n".encode("latin-1"), "@:4: .*expected UTF-8")
    bad_page("an HTML file", b"<!DOCTYPE html>\n<html><body><p>T</p></body></html>\n", "@:2: .*expected SECTION")
    bad_page("JSON Lines", line(1) + line(2), "@:2: .*expected SECTION")
    dated = "\nĐời sống - 06/11/2023 10:00\n"
    bad_page("a dated teaser without a title", (head + body + dated).encode(), "expected a title on the next line", 1)
    case("page: CR alone ends its lines", file("a.txt", (head + body).replace("\n", "\r").encode()), good=1)


def places() -> None:
    """What cannot be read at all: nothing is published."""

    def missing(name: str) -> Callable[[Path, pytest.MonkeyPatch], Path]:
        return lambda directory, patch: directory / name

    def refused(error: OSError, name: str = "a.jsonl", after: int = 0) -> Callable[[Path, pytest.MonkeyPatch], Path]:
        def make(directory: Path, patch: pytest.MonkeyPatch) -> Path:
            path = file(name, line(1) * 3)(directory, patch)
            opened = Path.open

            def failing(self: Path, *args: object, **options: object) -> object:
                if self == path:
                    raise error
                return opened(self, *args, **options)  # type: ignore[call-overload]

            patch.setattr(Path, "open", failing)
            return path

        return make

    def linked(directory: Path, patch: pytest.MonkeyPatch) -> Path:
        (directory / "a.jsonl").symlink_to(directory / "gone.jsonl")
        return directory / "a.jsonl"

    def looped(directory: Path, patch: pytest.MonkeyPatch) -> Path:
        (directory / "a.jsonl").symlink_to(directory / "a.jsonl")
        return directory / "a.jsonl"

    def unreadable(name: str, make: Callable[..., Path], reason: str) -> None:
        case(f"place: {name}", make, f"Error: source: '@': .*{reason}", status=1)

    unreadable("no such file", missing("none.jsonl"), "No such file")
    unreadable("no such page", missing("none.txt"), "No such file")
    unreadable("no such folder", missing("none/a.jsonl"), "No such file")
    unreadable("a file as a folder", lambda d, p: file("a.jsonl", line(1))(d, p) / "b.jsonl", "Not a directory")
    unreadable("a folder named .jsonl", files("a.jsonl", {"b": b""}), "")
    unreadable("a link to nothing", linked, "No such file")
    unreadable("a link to itself", looped, "symbolic links")
    unreadable("a name too long", missing("a" * 300 + ".jsonl"), "File name too long")
    unreadable("not permitted", refused(PermissionError(13, "Permission denied")), "Permission denied")
    unreadable("a failing disk", refused(OSError(5, "Input/output error")), "Input/output error")
    unreadable("a stale file handle", refused(OSError(116, "Stale file handle")), "Stale file handle")
    unreadable("too many open files", refused(OSError(24, "Too many open files")), "Too many open files")
    for ending in (".json", ".docx", ".pdf", ".jsonl.bak", ".jsonl~", ".sqlite", ".7z", ""):
        unreadable(f"ending {ending!r}", file(f"a{ending}", line(1)), "expected a folder, or a file ending in .jsonl")
    unreadable("a name with a NUL", missing("a\0b.jsonl"), "NUL")


def whole() -> None:
    """Indexed as the whole archive: what is stored of an article stays when its line is bad."""
    stored = [
        {"id": f"cu-{n}", "title": f"Tin cũ số {n}", "body": f"Ông Vừ A Sáu kể chuyện thứ {n}."} for n in range(5)
    ]
    rows = [json.dumps(one, ensure_ascii=False).encode() + b"\n" for one in stored]

    def case_whole(name: str, content: bytes, *report: str, found: int = 0, status: int = 0) -> None:
        make = file("a.jsonl", content)
        case(f"whole: {name}", make, *report, status=status, whole=True, found=found)

    bad = json.dumps({**stored[4], "published_at": "2023-02-30"}).encode() + b"\n"
    case_whole("an article's line is bad", b"".join(rows[:4]) + bad, "@:5: published_at: '2023-02-30'", found=4)
    worse = b"".join(json.dumps({**one, "title": 7}).encode() + b"\n" for one in stored)
    case_whole("every article's line is bad", worse, "@:1: title: 7", "@:5: title: 7")
    case_whole("a bad line among them", b"".join(rows) + b"{\n", "@:6: .*expected a JSON object", found=5)
    case_whole("empty", b"", "would remove 5 of 5 articles", status=1)
    case_whole("only a byte order mark", BOM, "would remove 5 of 5 articles", status=1)
    case_whole("cut after two lines", b"".join(rows[:2]) + rows[2][:20], "would remove 3 of 5", found=2, status=1)
    case_whole("nothing but garbage", JPEG, "would remove 5 of 5 articles", status=1)
    case_whole("all in UTF-16", b"".join(rows).decode().encode("utf-16-le"), "would remove 5 of 5", status=1)
    case_whole("lines ended by CR alone", b"".join(rows).replace(b"\n", b"\r"), "would remove 5 of 5", status=1)


def long_lines() -> None:
    """A line that is too long is passed over to its end; the limit is lowered here."""

    def limited(name: str, content: bytes) -> Callable[[Path, pytest.MonkeyPatch], Path]:
        def make(directory: Path, patch: pytest.MonkeyPatch) -> Path:
            for module in (stream, rows):
                patch.setattr(module, "MAX_LINE", 1000)
            return file(name, content)(directory, patch)

        return make

    long = line(8, body="dài " * 1000)
    table = b"id,title\nmoi-1,T\nmoi-8," + "dài ".encode() * 1000 + b"\nmoi-2,T\n"
    case("a line too long", limited("a.jsonl", line(1) + long + line(2)), "@:2: .*MiB on a line", good=2)
    case("the last line too long", limited("a.jsonl", line(1) + long.strip()), "@:2: .*MiB on a line", good=1)
    case("one line of blanks, too long", limited("a.jsonl", line(1) + b" " * 5000), "@:2: .*MiB on a line", good=1)
    case("a line too long, packed", limited("a.jsonl.gz", gzip.compress(long + line(2))), "@:1: .*MiB", good=1)
    case("a row of a table too long", limited("a.csv", table), "@:3: .*MiB", good=2)
    cell = b'id,title\nmoi-1,T\nmoi-8,"' + b"T\n" * 1000 + b"moi-2,T\n"
    case("a cell without end, over many lines", limited("a.csv", cell), "@:3: ", "@:4: .*expected 2 cells", good=2)


def packed() -> None:
    noise = b"".join(line(n, body=hashlib.sha512(b"%d" % n).hexdigest() * 3) for n in range(1, 301))
    zipped, squeezed = gzip.compress(noise), zstandard.compress(noise)

    def whole_lines(data: bytes) -> int:
        return data.count(b"\n")

    def unzipped(data: bytes) -> bytes:
        return zlib.decompressobj(31).decompress(data)

    early = "ends early"
    for share in (1, 2, 3):
        cut = zipped[: len(zipped) * share // 4]
        good = whole_lines(unzipped(cut))
        where = rf"@:{good + 1}: .*{early}"
        case(f"gzip cut at {share}/4", file("a.jsonl.gz", cut), where, good=good)
    case("gzip without its checksum", file("a.jsonl.gz", gzip.compress(line(1) + line(2))[:-8]), early, good=2)
    wrong = bytearray(gzip.compress(line(1) + line(2)))
    wrong[-8] ^= 1
    case("gzip with a wrong checksum", file("a.jsonl.gz", bytes(wrong)), "@:3: .*CRC", good=2)
    case("gzip cut in its header", file("a.jsonl.gz", zipped[:5]), f"@:1: .*{early}")
    case("gzip that is empty", file("a.jsonl.gz", b""), f"@:1: .*{early}")
    case("gzip that is plain JSON Lines", file("a.jsonl.gz", line(1)), "@:1: .*expected gzip data")
    case("gzip that is Zstandard", file("a.jsonl.gz", squeezed), "@:1: .*expected gzip data")
    case("gzip that is a JPEG", file("a.jsonl.gz", JPEG), "@:1: .*expected gzip data")
    case("gzip of nothing", file("a.jsonl.gz", gzip.compress(b"")))
    case("gzip of gzip", file("a.jsonl.gz", gzip.compress(gzip.compress(line(1)))), "@:1: .*expected UTF-8, found byte")
    case("gzip then garbage", file("a.jsonl.gz", gzip.compress(line(1)) + b"het"), "@:2: .*expected gzip data", good=1)
    two = gzip.compress(line(1)) + gzip.compress(line(2))
    case("gzip of two members", file("a.jsonl.gz", two), good=2)
    case("gzip, its second member cut", file("a.jsonl.gz", two[:-20]), early, good=1)
    case("gzip then zeros", file("a.jsonl.gz", gzip.compress(line(1)) + b"\0" * 512), good=1)
    broken = bytearray(gzip.compress(line(2)))
    broken[10:30] = b"\xff" * 20
    damaged = gzip.compress(line(1)) + bytes(broken)
    case("gzip damaged within", file("a.jsonl.gz", damaged), "@:2: .*expected gzip data", good=1)
    case("gzip of a tar", file("a.jsonl.gz", gzip.compress(tar(line(1)))), "@:1: .*expected a JSON object")
    case("a tar.gz", file("a.tar.gz", gzip.compress(tar(line(1)))), "Error: source: '@'", status=1)
    case("a zip named .jsonl", file("a.jsonl", zipped_file(line(1))), "@:1: .*expected")
    case("a gzip named .jsonl", file("a.jsonl", gzip.compress(line(1))), "@:1: .*expected UTF-8, found byte 0x8b")
    case("a bomb of gzip", file("a.jsonl.gz", gzip.compress(b"\n" * 3_000_000 + line(1))), good=1)

    case("Zstandard that is empty", file("a.jsonl.zst", b""), f"@:1: .*{early}")
    case("Zstandard that is plain JSON Lines", file("a.jsonl.zst", line(1)), "@:1: .*expected Zstandard data")
    case("Zstandard that is gzip", file("a.jsonl.zst", zipped), "@:1: .*expected Zstandard data")
    case("Zstandard cut in its header", file("a.jsonl.zst", squeezed[:3]), f"@:1: .*{early}")
    case("Zstandard cut at its end", file("a.jsonl.zst", zstandard.compress(line(1))[:-3]), early)
    case("Zstandard of nothing", file("a.jsonl.zst", zstandard.compress(b"")))
    frames = zstandard.compress(line(1)) + zstandard.compress(line(2))
    case("Zstandard of two frames", file("a.jsonl.zst", frames), good=2)
    case("Zstandard, its second frame cut", file("a.jsonl.zst", frames[:-5]), early, good=1)
    case("Zstandard then garbage", file("a.jsonl.zst", frames + b"het het het"), "@:3: .*Zstandard data", good=2)
    summed = zstandard.ZstdCompressor(write_checksum=True).compress(line(1))
    altered = summed[:-1] + bytes([summed[-1] ^ 1])
    case("Zstandard with a wrong checksum", file("a.jsonl.zst", altered), "@:[12]: .*expected Zstandard data")
    case("Zstandard in Zstandard", file("a.jsonl.zst", zstandard.compress(zstandard.compress(line(1)))), "@:1: ")
    for ending in (".bz2", ".xz", ".zip"):
        case(f"packed as {ending}", file(f"a.jsonl{ending}", noise), "Error: source: '@': expected", status=1)
    case("a packed page", file("a.txt.gz", gzip.compress(b"T")), "Error: source: '@': expected", status=1)


def tar(content: bytes) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        info = tarfile.TarInfo("a.jsonl")
        info.size = len(content)
        archive.addfile(info, io.BytesIO(content))
    return made.getvalue()


def zipped_file(content: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("a.jsonl", content)
    return made.getvalue()


def tables() -> None:
    def table(name: str, content: bytes | str, *report: str, ending: str = "csv", **expected: object) -> None:
        raw = content.encode() if isinstance(content, str) else content
        case(f"table: {name}", file(f"a.{ending}", raw), *report, **expected)

    good = "id,title,body\nmoi-1,Tin mới,Bà Nhị kể.\n"
    table("a quote without end", good + 'moi-8,"Tin,T\nmoi-2,Tin,T\n', "@:3: .*quoted", good=2)
    table("a quote without end at the end", good + 'moi-8,T,"Tin', "@:3: .*quoted", good=1)
    table("a letter after a quote", good + 'moi-8,"Tin"x,T\nmoi-2,Tin,T\n', "@:3: .*quoted", good=2)
    table("a cell too few", good + "moi-8,Tin\nmoi-2,Tin,T\n", "@:3: .*expected 3 cells, found 2", good=2)
    table("a cell too many", good + "moi-8,Tin,T,T\nmoi-2,Tin,T\n", "@:3: .*expected 3 cells, found 4", good=2)
    table("one cell", good + "het\n", "@:3: .*expected 3 cells, found 1", good=1)
    table("a row cut short", good + "moi-8,Ti", "@:3: .*expected 3 cells, found 2", good=1)
    table("a row without a title", good + "moi-8,,T\n", "@:3: title: nothing: required", good=1)
    table("a row without an id", good + ",Tin,T\n", "@:3: id: nothing: required", good=1)
    table("an id that may not be", good + "a/b,Tin,T\n", "@:3: id: 'a/b'", good=1)
    table("a day that is none", "id,title,published_at\nmoi-1,T,30/02/2023\n", "@:2: published_at: '30/02/2023'")
    table("a NUL", good + "moi-8,T\0T,T\nmoi-2,T,T\n", "@:3: .*found NUL", good=2)
    table("a byte that is no UTF-8", good.encode() + b"moi-8,T\xffT,T\nmoi-2,T,T\n", "@:3: .*found byte 0xff", good=2)
    table("a surrogate in UTF-8", good.encode() + b"moi-8,\xed\xa0\x80,T\n", "@:3: .*expected UTF-8", good=1)
    table("CR alone", good.replace("\n", "\r"), good=1)
    table("UTF-16 with a mark", good.encode("utf-16"), good=1)
    table("windows-1258, named", windows_1258(good), good=1, options=("--encoding", "windows-1258"))
    header = "Error: source: '@': .*header line: "
    table("empty", "", header + "expected names", status=1)
    table("blank", "\n \n\n", "Error: source: '@': ", status=1)
    table("only a byte order mark", BOM, "Error: source: '@': ", status=1)
    table("no header", "moi-1,Tin mới,T\nmoi-2,Tin,T\n", header + "no column is the title", status=1)
    table("a header of one field twice", "id,title,Title\n1,T,T\n", header + ".*both title", status=1)
    table("a header with a quote without end", '"id,title\nmoi-1,T\n', "Error: source: '@': header line: ", status=1)
    table("a header of NULs", "\0" * 100, "Error: source: '@': ", status=1)
    table("a JPEG", JPEG, "Error: source: '@': ", status=1)
    table("JSON Lines", line(1), header + "no column is the title", status=1)
    table("a page", "<!DOCTYPE html>\n<p>T</p>\n", header + "no column is the title", status=1)
    table("a header alone", "id,title\n")
    table("a column that is not there", good, header + ".*no column", status=1, options=("--map", "lead=Sapo"))
    table(
        "TSV: a cell too few", good.replace(",", "\t") + "moi-8\tT\n", "@:3: .*expected 3 cells", ending="tsv", good=1
    )
    table("TSV: a quote that is a letter", good.replace(",", "\t") + 'moi-2\t"Tin\tT\n', ending="tsv", good=2)
    cut = gzip.compress(good.encode() + b"moi-2,T,T\n")[:-8]
    case("table: gzip cut", file("a.csv.gz", cut), "@:4: .*ends early", good=2)
    case("table: gzip cut in its header", file("a.csv.gz", cut[:8]), "@:1: .*ends early")


def html_pages() -> None:
    text = "Sáng nào bà Nhị cũng nhóm lò từ lúc trời chưa sáng, rồi mới gọi các cháu dậy đi học ở bên kia sông. " * 5
    whole_page = (
        '<!DOCTYPE html><html lang="vi"><head><meta charset="utf-8"><title>Lò gốm cuối cùng bên sông</title>'
        '<script type="application/ld+json">{"@type": "NewsArticle", "headline": "Lò gốm cuối cùng bên sông"}</script>'
        f"</head><body><article><h1>Lò gốm cuối cùng bên sông</h1><p>{text}</p><p>{text}</p></article></body></html>"
    )

    def page(name: str, content: bytes | str, *report: str, good: int = 0) -> None:
        raw = content.encode() if isinstance(content, str) else content
        case(f"html: {name}", file("a.html", raw), *report, good=good)

    page("empty", "", "@:1: .*found no text")
    page("blank", " \n\n\t", "@:1: .*found no text")
    page("only a byte order mark", BOM, "@:1: .*expected")
    page("a JPEG", JPEG, "@:1: .*expected")
    page("NULs", b"\0" * 3000, "@:1: .*expected")
    page("a gzip", gzip.compress(whole_page.encode()), "@:1: .*expected")
    page("JSON Lines", line(1), "@:1: .*expected")
    page("plain text", text, "@:1: .*expected")
    page("nothing but a head", "<html><head><title>Lò gốm</title></head></html>", "@:1: .*expected")
    page("no title", f"<html><body><p>{text}</p></body></html>", "@:1: .*expected")
    page("cut in its head", whole_page[:150], "@:1: .*expected")
    page("cut in a script", whole_page[:210], "@:1: .*expected")
    page("cut in the text", whole_page[: whole_page.index("</p>")], good=1)
    page("cut in a tag", whole_page[: whole_page.index("</article>") + 4], good=1)
    page("cut in a letter", whole_page[: whole_page.index("sáng,") + 1].encode()[:-3] + "ữ".encode()[:2], good=1)
    page(
        "an error page",
        "<html><head><title>404</title></head><body><h1>Not found</h1></body></html>",
        "@:1: .*expected",
    )
    page("JSON-LD that is no JSON", whole_page.replace('{"@type"', '{"@type",'), good=1)
    page("JSON-LD nested without end", whole_page.replace('{"@type"', '{"a": ' + "[" * 50_000 + ', "@type"'), good=1)
    page("200 elements nested", whole_page.replace("<article>", "<article>" + "<div>" * 200), good=1)
    page("60,000 elements nested", whole_page.replace("<article>", "<div>" * 60_000), "@:1: .*expected")
    page("60,000 tags never closed", whole_page.replace("<p>", "<b><i>" * 30_000, 1), "@:1: .*expected")
    page("a million elements", "<html>" + "<p>T" * 1_000_000, "@:1: .*expected")
    bomb = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;&a;&a;"><!ENTITY c "&b;&b;&b;&b;">]>'
    page("a bomb of entities", whole_page.replace("<!DOCTYPE html>", bomb).replace("<p>", "<p>&c;"), good=1)
    page("a lone surrogate as a reference", whole_page.replace("Sáng", "&#xD800;&#x110000;&#0;"), good=1)
    page("another encoding declared", whole_page.replace("utf-8", "utf-7"), good=1)
    page("an encoding declared that is none", whole_page.replace("utf-8", "khong-co"), good=1)
    page(
        "an address that is none",
        whole_page.replace("<title>", '<link rel="canonical" href="http://[::1"><title>'),
        good=1,
    )
    page(
        "a date that is none",
        whole_page.replace('"headline"', '"datePublished": "31/02/2023 27:99", "headline"'),
        good=1,
    )


def folders() -> None:
    def folder(name: str, contents: dict[str, bytes], *report: str, **expected: object) -> None:
        case(f"folder: {name}", files("kho", contents), *report, **expected)

    folder("empty", {}, "Error: source: '@': expected a file ending in .*found none", status=1)
    folder(
        "no known file", {"a.docx": b"", "b": b"", ".a.jsonl": line(1)}, "Error: source: '@': .*found none", status=1
    )
    folder("one bad file of three", {"a.jsonl": line(1), "b.jsonl": JPEG, "c.jsonl": line(2)}, "@/b.jsonl:1: ", good=2)
    folder("a bad table among good ones", {"a.jsonl": line(1), "b.csv": b"x,y\n1,2\n"}, "@/b.csv:1: .*header", good=1)
    folder(
        "a cut gzip among good files",
        {"a.jsonl.gz": gzip.compress(line(1))[:9], "b.jsonl": line(2)},
        "@/a.jsonl.gz:1: ",
        good=1,
    )
    folder(
        "bad lines in two files",
        {"a.jsonl": b"{\n" + line(1), "c/b.jsonl": line(2) + b"{\n"},
        "@/a.jsonl:1: ",
        "@/c/b.jsonl:2: ",
        good=2,
    )
    folder("a name that is no UTF-8", {"a\udcff.jsonl": line(1) + b"{\n"}, r"/a.*\.jsonl':2: ", good=1)
    folder("a name with an escape sequence", {"a\x1b[2J.jsonl": line(1) + b"{\n"}, r"/a.*\.jsonl':2: ", good=1)
    folder("a name with a line break", {"a\nb.jsonl": line(1) + b"{\n"}, r"/a\\nb\.jsonl':2: ", good=1)

    def dangling(directory: Path, patch: pytest.MonkeyPatch) -> Path:
        made = files("kho", {"a.jsonl": line(1)})(directory, patch)
        (made / "b.jsonl").symlink_to("gone.jsonl")
        return made

    def circling(directory: Path, patch: pytest.MonkeyPatch) -> Path:
        made = files("kho", {"a.jsonl": line(1)})(directory, patch)
        (made / "b").symlink_to(made)
        return made

    def piped(directory: Path, patch: pytest.MonkeyPatch) -> Path:
        made = files("kho", {"a.jsonl": line(1)})(directory, patch)
        os.mkfifo(made / "b.jsonl")
        return made

    def failing(where: str, error: OSError) -> Callable[[Path, pytest.MonkeyPatch], Path]:
        def make(directory: Path, patch: pytest.MonkeyPatch) -> Path:
            made = files("kho", {"a.jsonl": line(1), "c/b.jsonl": line(2)})(directory, patch)
            listed = Path.iterdir

            def iterdir(self: Path) -> Iterator[Path]:
                if self == made / where:
                    raise error
                return listed(self)

            patch.setattr(Path, "iterdir", iterdir)
            return made

        return make

    gone, closed = FileNotFoundError(2, "No such file or directory"), PermissionError(13, "Permission denied")
    case("folder: a link to nothing in it", dangling, "@/b.jsonl:1: .*No such file", good=1)
    case("folder: a link to itself in it", circling, good=1)
    case("folder: a pipe in it", piped, "@/b.jsonl:1: .*expected a file", good=1)
    case("folder: it vanishes", failing("", gone), "Error: source: '@': No such file", status=1)
    case("folder: it is closed", failing("", closed), "Error: source: '@': Permission denied", status=1)
    case("folder: a folder in it vanishes", failing("c", gone), "@/c:1: .*No such file", good=1)
    case("folder: a folder in it is closed", failing("c", closed), "@/c:1: .*Permission denied", good=1)


json_lines()
ids()
fields()
dates()
odd_but_good()
pages()
places()
whole()
long_lines()
packed()
tables()
html_pages()
folders()
