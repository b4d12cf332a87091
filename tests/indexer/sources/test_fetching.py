"""What is fetched, from whom, and where it ends: addresses, redirects, sizes, time, packed bodies."""

import gzip
import itertools
import resource
import shutil
import socket
import ssl
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.sources import fetching
from indexer.sources.addresses import is_public
from indexer.sources.fetching import FetchError, FetchLimits, fetch, send
from tests import web_server

HERE = FetchLimits(private=True, seconds=20)


@pytest.fixture
def site():
    with web_server.serve() as served:
        yield served


@pytest.mark.parametrize(
    "address",
    [
        *("127.0.0.1", "127.8.8.8", "10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "169.254.169.254"),
        *("100.64.0.1", "0.0.0.0", "0.1.2.3", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
        *("192.0.2.1", "198.18.0.1", "::", "::1", "fe80::1", "fe80::1%eth0", "fc00::1", "fd12::1", "ff02::1"),
        *("::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "2002:7f00:1::", "2002:a00:1::1"),
        *("64:ff9b::7f00:1", "64:ff9b::10.0.0.1", "64:ff9b:1::808:808", "2001:db8::1", "2001:0:7f00:1::", ""),
        *("localhost", "1.2.3", "0x7f.1"),
    ],
)
def test_what_is_not_public(address):
    assert not is_public(address)


@pytest.mark.parametrize(
    "address", ["8.8.8.8", "113.160.0.1", "2405:4800::1", "::ffff:8.8.8.8", "64:ff9b::808:808", "2002:808:808::1"]
)
def test_what_is_public(address):
    assert is_public(address)


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_inside_an_ipv6_address_counts_as_itself(address):
    inner = is_public(str(address))
    number = int(address)
    for carried in (f"::ffff:{address}", f"64:ff9b::{address}", f"2002:{number >> 16:x}:{number & 0xFFFF:x}::"):
        assert is_public(carried) == inner, carried


class TestWhomItAsks:
    @pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "2130706433", "0"])
    def test_not_this_machine(self, site, host):
        port = site.url.rsplit(":", 1)[1]
        with pytest.raises(FetchError, match=r"expected a public address, found .* private|expected a host"):
            fetch(f"http://{host}:{port}/")
        assert site.asked == []

    def test_not_a_private_machine_behind_a_public_one(self, site, monkeypatch):
        """The first host is let through as if it were public; the machine that it redirects to is not."""
        site.pages["/"] = web_server.redirect(site.url.replace("127.0.0.1", "localhost") + "/inner")
        site.pages["/inner"] = "secret"
        public = {"127.0.0.1": "8.8.8.8"}
        monkeypatch.setattr(fetching, "is_public", lambda address: address in public and site.asked == [])
        with pytest.raises(FetchError, match="expected a public address, found 'localhost'"):
            fetch(site.url + "/")
        assert site.asked == ["/"]

    def test_a_name_that_changes_its_address_is_looked_up_once(self, site, monkeypatch):
        answers = itertools.chain(["8.8.8.8"], itertools.repeat("127.0.0.1"))
        asked = []
        connected = []

        def rebinding(host, port, **kind):
            asked.append(host)
            return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (next(answers), port))]

        def connect(self, address):
            connected.append(address[0])
            raise OSError("not in a test")

        monkeypatch.setattr(socket, "getaddrinfo", rebinding)
        monkeypatch.setattr(socket.socket, "connect", connect)
        with pytest.raises(FetchError, match="to take a connection: not in a test"):
            fetch("http://bao.example/")
        assert (asked, connected) == (["bao.example"], ["8.8.8.8"])
        with pytest.raises(FetchError, match="expected a public address"):
            fetch("http://bao.example/")
        assert connected == ["8.8.8.8"]

    def test_of_several_addresses_only_public_ones(self, monkeypatch):
        found = [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (a, 80)) for a in ("10.0.0.1", "8.8.8.8", "127.0.0.1")]
        connected = []

        def connect(self, address):
            connected.append(address[0])
            raise OSError("not in a test")

        monkeypatch.setattr(socket, "getaddrinfo", lambda *args, **kind: found)
        monkeypatch.setattr(socket.socket, "connect", connect)
        with pytest.raises(FetchError):
            fetch("http://bao.example/")
        assert connected == ["8.8.8.8"]

    @pytest.mark.parametrize(
        "url",
        [
            *(
                "file:///etc/passwd",
                "ftp://bao.example/a",
                "gopher://bao.example/",
                "http://",
                "https:///a",
                "bao.example",
            ),
            *("http://bao.example:99999/", "http://[::1", "javascript:alert(1)", "http://bao.example:x/"),
        ],
    )
    def test_other_schemes_and_no_addresses(self, url):
        with pytest.raises(FetchError, match=r"expected an? (?:http or https )?address"):
            fetch(url, bounds=HERE)

    @pytest.mark.parametrize("target", ["file:///etc/passwd", "ftp://127.0.0.1/", "data:text/plain,a"])
    def test_redirects_to_other_schemes(self, site, target):
        site.pages["/"] = web_server.redirect(target)
        with pytest.raises(FetchError, match="expected an http or https address"):
            fetch(site.url + "/", bounds=HERE)

    def test_no_password_in_an_address_and_none_without_tls(self):
        with pytest.raises(FetchError, match="without user and password") as caught:
            fetch("https://la:khoa-bi-mat@bao.example/")
        assert "khoa-bi-mat" not in str(caught.value)
        with pytest.raises(FetchError, match="expected https"):
            fetch("http://bao.example/", {"Authorization": "Basic a"})

    def test_a_password_is_not_passed_on(self, site):
        with web_server.serve() as other:
            site.pages |= {"/": web_server.redirect("/same"), "/same": web_server.redirect(other.url + "/")}
            other.pages["/"] = "x"
            fetch(site.url + "/", {"Authorization": "Basic a"}, HERE)
            assert ["Authorization" in sent for sent in site.requests] == [True, True]
            assert ["Authorization" in sent for sent in other.requests] == [False]


class TestAnswers:
    def test_status_headers_and_body(self, site):
        site.pages["/a"] = lambda request: request.give("chào", 200, ETag='"1"', Content_Type="text/plain")
        answer = fetch(site.url + "/a", bounds=HERE)
        assert (answer.status, answer.body, answer.headers["etag"]) == (200, "chào".encode(), '"1"')
        assert fetch(site.url + "/none", bounds=HERE).status == 404

    def test_vietnamese_in_an_address(self, site):
        site.pages["/tin/g%E1%BB%91m?q=l%C3%B2"] = "gốm"
        assert fetch(site.url + "/tin/gốm?q=lò", bounds=HERE).body.decode() == "gốm"

    def test_packed_bodies(self, site):
        body = "gốm ".encode() * 10_000
        site.pages["/"] = lambda request: request.give(gzip.compress(body), Content_Encoding="gzip")
        assert fetch(site.url + "/", bounds=HERE).body == body
        site.pages["/"] = lambda request: request.give(b"not packed", Content_Encoding="gzip")
        with pytest.raises(FetchError, match="packed as its header says"):
            fetch(site.url + "/", bounds=HERE)

    def test_chunks(self, site):
        def chunked(request):
            request.start(200, {"Transfer-Encoding": "chunked"})
            request.wfile.write(b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n")

        site.pages["/"] = chunked
        assert fetch(site.url + "/", bounds=HERE).body == b"abcde"

    def test_redirects_are_followed(self, site):
        site.pages |= {"/a": web_server.redirect("b?x=1", 301), "/b": web_server.redirect("/c", 307), "/c": "here"}
        answer = fetch(site.url + "/a", bounds=HERE)
        assert (answer.body, answer.url) == (b"here", site.url + "/c")
        assert site.asked == ["/a", "/b?x=1", "/c"]


class TestBounds:
    def test_a_loop_of_redirects(self, site):
        site.pages |= {"/a": web_server.redirect("/b"), "/b": web_server.redirect("/a")}
        with pytest.raises(FetchError, match="found a loop of redirects"):
            fetch(site.url + "/a", bounds=HERE)
        assert len(site.asked) == 2

    def test_redirects_without_end(self, site):
        numbers = itertools.count()
        site.pages["/"] = lambda request: web_server.redirect(f"/?{next(numbers)}")(request)
        with pytest.raises(FetchError, match="expected at most 5 redirects"):
            fetch(site.url + "/", bounds=HERE)
        assert len(site.asked) == 6

    def test_too_much_is_announced(self, site):
        site.pages["/"] = web_server.two_gigabytes
        with pytest.raises(FetchError, match="expected at most 32 MiB, found 2147483648 bytes announced"):
            fetch(site.url + "/", bounds=HERE)

    def test_two_gigabytes_are_not_held(self, site):
        site.pages["/"] = web_server.endlessly
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(FetchError, match="expected at most 32 MiB, found more"):
            fetch(site.url + "/", bounds=HERE)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 2**10  # KiB

    def test_a_bomb_is_not_unpacked(self, site):
        bomb = gzip.compress(gzip.compress(bytes(2**30), 1), 1)  # packed twice, so that little is sent
        inner = gzip.decompress(bomb)
        site.pages["/"] = lambda request: request.give(inner, Content_Encoding="gzip")
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        with pytest.raises(FetchError, match="expected at most 32 MiB, found more"):
            fetch(site.url + "/", bounds=HERE)
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100 * 2**10

    @pytest.mark.parametrize("slow", [web_server.slowly, web_server.slow_head])
    def test_a_byte_now_and_then_ends(self, site, slow):
        site.pages["/"] = slow
        start = time.monotonic()
        with pytest.raises(FetchError, match=r"expected a whole answer within 0.5 s") as caught:
            fetch(site.url + "/", bounds=FetchLimits(private=True, seconds=0.5))
        assert caught.value.passing
        assert time.monotonic() - start < 10  # it would go on for ever

    def test_silence_ends(self, site):
        site.pages["/"] = lambda request: site.closing.wait(20)
        with pytest.raises(FetchError, match=r"expected a whole answer within 0.3 s"):
            fetch(site.url + "/", bounds=FetchLimits(private=True, seconds=0.3))

    def test_half_a_body(self, site):
        site.pages["/"] = web_server.half(b"x" * 1000)
        with pytest.raises(FetchError, match="expected a whole answer: ") as caught:
            fetch(site.url + "/", bounds=HERE)
        assert caught.value.passing

    def test_nothing_at_all(self, site):
        site.pages["/"] = lambda request: None
        with pytest.raises(FetchError, match="expected a whole answer: ") as caught:
            fetch(site.url + "/", bounds=HERE)
        assert caught.value.passing

    def test_no_http(self):
        listening = socket.create_server(("127.0.0.1", 0))
        port = listening.getsockname()[1]
        listening.close()
        with pytest.raises(FetchError, match="to take a connection") as caught:
            fetch(f"http://127.0.0.1:{port}/", bounds=HERE)
        assert caught.value.passing

    def test_no_tls(self, site):
        with pytest.raises(FetchError, match="expected a whole answer: "):
            fetch(site.url.replace("http:", "https:") + "/", bounds=HERE)

    def test_of_an_error_only_the_start_is_read(self, site):
        site.pages["/"] = lambda request: request.give(b"x" * 2**20, 500)
        answer = fetch(site.url + "/", bounds=HERE)
        assert (answer.status, len(answer.body) <= 2**16) == (500, True)


@pytest.mark.skipif(shutil.which("openssl") is None, reason="openssl is not installed to make a certificate")
class TestTls:
    @pytest.fixture(scope="class")
    @classmethod
    def certificate(cls, tmp_path_factory):
        return web_server.make_certificate(tmp_path_factory.mktemp("tls"))

    @pytest.fixture
    def site(self, certificate):
        with web_server.serve(certificate) as served:
            served.pages |= {"/": "kín", "/slow": web_server.slowly}
            yield served

    def test_a_certificate_that_nobody_vouches_for(self, site):
        with pytest.raises(FetchError, match="certificate verify failed: self-signed"):
            fetch(site.url + "/", bounds=HERE)
        assert site.asked == []

    def test_one_that_is_trusted(self, site, certificate, monkeypatch):
        context = ssl.create_default_context(cafile=str(certificate))
        monkeypatch.setattr(fetching, "_trusted", lambda: context)
        assert fetch(site.url + "/", {"Authorization": "Basic a"}, HERE).body.decode() == "kín"
        with pytest.raises(FetchError, match=r"not valid for .127\.0\.0\.1."):
            fetch(site.url.replace("localhost", "127.0.0.1") + "/", bounds=HERE)
        with pytest.raises(FetchError, match=r"within 0\.4 s"):
            fetch(site.url + "/slow", bounds=FetchLimits(private=True, seconds=0.4))


class TestSending:
    """By POST, with the same bounds."""

    FORM = {"Content-Type": "application/x-www-form-urlencoded"}

    def test_what_is_sent_arrives(self, site):
        got = []

        def take(request):
            got.append((request.command, request.rfile.read(int(request.headers["Content-Length"]))))
            request.give(b"ok", 201)

        site.pages["/a"] = take
        answer = send(f"{site.url}/a", b"x=1", self.FORM, HERE)
        assert (answer.status, answer.body, got) == (201, b"ok", [("POST", b"x=1")])
        assert site.requests[0]["Content-Type"] == self.FORM["Content-Type"]

    def test_a_redirect_is_an_answer_and_nothing_is_sent_there(self, site):
        site.pages["/a"] = lambda request: request.give(b"", 307, Location=f"{site.url}/b")
        assert send(f"{site.url}/a", b"secret=1", self.FORM, HERE).status == 307
        assert site.asked == ["/a"]

    def test_to_public_machines_alone_unless_told(self, site):
        with pytest.raises(FetchError, match="expected a public address"):
            send(f"{site.url}/a", b"x", self.FORM)
        assert site.asked == []

    def test_within_the_bounds(self, site):
        site.pages |= {"/slow": web_server.slowly, "/long": b"x" * 2000}
        with pytest.raises(FetchError, match="within"):
            send(f"{site.url}/slow", b"x", self.FORM, FetchLimits(private=True, seconds=0.3))
        with pytest.raises(FetchError, match="expected at most"):
            send(f"{site.url}/long", b"x", self.FORM, FetchLimits(private=True, size=1000))
