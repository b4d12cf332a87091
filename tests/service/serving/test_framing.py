"""Where requests end: heads, bodies of announced lengths and in chunks, however the bytes are cut."""

import time
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.serving.framing import MAX_HEAD, MAX_LINE, Frame, FrameProgress, RequestHead

USUAL = 1000
GET = b"GET /a%20b?q=1 HTTP/1.1\r\nHost: x\r\n\r\n"


def post(*headers, body=b""):
    return b"POST / HTTP/1.1\r\nHost: x\r\n" + b"".join(header + b"\r\n" for header in headers) + b"\r\n" + body


def progress(sent):
    return Frame(USUAL).feed(sent)


def test_a_request_without_a_body_is_there_with_its_head():
    frame = Frame(USUAL)
    assert frame.feed(GET[:-1]) is FrameProgress.HEAD
    assert frame.head is None
    assert frame.feed(GET[-1:]) is FrameProgress.WHOLE
    assert frame.head == RequestHead("GET", "/a%20b", "q=1", "HTTP/1.1", {"host": "x"})
    assert frame.alone


def test_one_with_more_after_it_is_not_alone():
    for sent in (GET + b"G", post(b"Content-Length: 0"), post(b"Content-Length: 1", body=b"a")):
        frame = Frame(USUAL)
        assert frame.feed(sent) is FrameProgress.WHOLE
        assert not frame.alone


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (post(b"Content-Length: 5", body=b"1234"), FrameProgress.BODY),
        (post(b"Content-Length: 5", body=b"12345"), FrameProgress.WHOLE),
        (post(b"Content-Length: 5", body=b"123456"), FrameProgress.WHOLE),
        (post(b"Content-Length: 1000"), FrameProgress.BODY),
        (post(b"Content-Length: 1001"), FrameProgress.LARGER),
        (post(b"Transfer-Encoding: chunked", body=b"5\r\n12345\r\n0\r\n\r\n"), FrameProgress.WHOLE),
        (post(b"Transfer-Encoding: Chunked", body=b"5;a=b\r\n12345\r\n0\r\nX: y\r\n\r\n"), FrameProgress.WHOLE),
        (post(b"Transfer-Encoding: chunked", body=b"5\r\n12345\r\n0\r\nX: y\r\n"), FrameProgress.BODY),
        (post(b"Transfer-Encoding: chunked", body=b"5\r\n12345\r\n0\r\n"), FrameProgress.BODY),
        (post(b"Transfer-Encoding: chunked", body=b"3E8\r\n"), FrameProgress.BODY),
        (post(b"Transfer-Encoding: chunked", body=b"FFFFFF\r\n" + b"a" * 1000), FrameProgress.BODY),
        (post(b"Transfer-Encoding: chunked", body=b"FFFFFF\r\n" + b"a" * 1001), FrameProgress.LARGER),
        (post(b"Transfer-Encoding: chunked", body=b"3E8\r\n" + b"a" * 1000 + b"\r\n0\r\n\r\n"), FrameProgress.WHOLE),
        (post(b"Transfer-Encoding: chunked", body=b"1\r\na\r\n" * 79), FrameProgress.ENDED),
        (post(b"Transfer-Encoding: chunked", body=b"x\r\n"), FrameProgress.ENDED),
        (post(b"Transfer-Encoding: chunked", body=b"5\n12345"), FrameProgress.ENDED),
        (post(b"Transfer-Encoding: chunked", body=b"1" * (MAX_LINE + 1)), FrameProgress.ENDED),
        (post(b"Transfer-Encoding: gzip"), FrameProgress.ENDED),
        (post(b"Transfer-Encoding: chunked", b"Content-Length: 5"), FrameProgress.ENDED),
        (post(b"Content-Length: 5", b"Content-Length: 5"), FrameProgress.ENDED),
        (post(b"Content-Length: -5"), FrameProgress.ENDED),
        (post(b"Content-Length: 5x"), FrameProgress.ENDED),
        (post(b"Content-Length : 5"), FrameProgress.ENDED),
        (post(b"no header"), FrameProgress.ENDED),
        (post(b"A: b", b" folded"), FrameProgress.ENDED),
        (b"GET /\r\n\r\n", FrameProgress.ENDED),
        (b"G" * MAX_LINE, FrameProgress.HEAD),
        (b"G" * (MAX_LINE + 1), FrameProgress.ENDED),
        (b"GET / HTTP/1.1\r\nA: " + b"a" * MAX_HEAD, FrameProgress.ENDED),
    ],
)
def test_how_much_is_there(sent, expected):
    assert progress(sent) is expected


def test_a_larger_one_goes_on_as_it_is_allowed():
    sent = post(b"Content-Length: 1001")
    for most, expected in ((0, FrameProgress.ENDED), (1001, FrameProgress.BODY)):
        frame = Frame(USUAL)
        frame.feed(sent)
        assert frame.allow(most) is expected
    assert frame.feed(b"a" * 1000) is FrameProgress.BODY
    assert frame.feed(b"a") is FrameProgress.WHOLE


WHOLE = [
    GET,
    post(b"Content-Length: 5", body=b"12345"),
    post(b"Transfer-Encoding: chunked", body=b"5\r\n12345\r\n2;x\r\n\r\n\r\n0\r\nX: y\r\n\r\n"),
]


@given(st.sampled_from(WHOLE), st.sets(st.integers(1, 150)))
def test_it_does_not_matter_how_the_bytes_are_cut(sent, cuts):
    frame, edges = Frame(USUAL), [0, *sorted(cut for cut in cuts if cut < len(sent)), len(sent)]
    seen = [frame.feed(sent[start:end]) for start, end in pairwise(edges)]
    assert seen[-1] is FrameProgress.WHOLE
    assert not {FrameProgress.WHOLE, FrameProgress.LARGER, FrameProgress.ENDED} & set(seen[:-1])


@given(st.lists(st.binary(max_size=50), max_size=20))
def test_any_bytes_are_taken_in(pieces):
    frame = Frame(USUAL)
    for piece in pieces:
        assert isinstance(frame.feed(piece), FrameProgress)


@pytest.mark.parametrize(
    ("start", "more"), [(b"GET / HTTP/1.1\r\n", b"a: b\r\n"), (post(b"Transfer-Encoding: chunked"), b"1\r\na\r\n")]
)
def test_byte_by_byte_it_is_linear(start, more):
    def took(count):
        frame = Frame(10**9)
        frame.feed(start)
        began = time.perf_counter()
        for at in range(count):
            frame.feed(more[at % 6 :][:1])
        assert frame.progress in (FrameProgress.HEAD, FrameProgress.BODY)
        return time.perf_counter() - began

    took(1000)
    assert took(320_000) < 160 * max(took(8_000), 0.001)
