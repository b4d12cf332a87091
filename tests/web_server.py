"""A web server on this machine whose every answer a test writes, the hostile ones included."""

from __future__ import annotations

import contextlib
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

Respond = Callable[["Request"], None]


class Request(BaseHTTPRequestHandler):
    """A request; what answers it is found by its path."""

    protocol_version = "HTTP/1.1"

    @property
    def route(self) -> str:
        return urlsplit(self.path).path

    @property
    def query(self) -> dict[str, str]:
        return {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}

    def give(self, body: bytes | str = b"", status: int = 200, **headers: str) -> None:
        """Send a whole answer; names of headers with _ for -."""
        content = body.encode() if isinstance(body, str) else body
        self.start(status, {"Content-Length": str(len(content)), **_named(headers)})
        self.wfile.write(content)

    def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Send the head of an answer."""
        self.send_response(status)
        for name, value in {"Connection": "close", **headers}.items():
            self.send_header(name, value)
        self.end_headers()

    def do_GET(self) -> None:
        self.close_connection = True
        site: Site = self.server.site  # type: ignore[attr-defined]
        site.asked.append(self.path)
        site.requests.append(dict(self.headers))
        found = site.pages.get(self.path, site.pages.get(self.route))
        with contextlib.suppress(OSError):  # the other side may have hung up
            if found is None:
                self.give("none here", 404)
            elif callable(found):
                found(self)
            else:
                self.give(found)

    do_POST = do_GET

    def log_message(self, format: str, *args: object) -> None:
        pass


def _named(headers: Mapping[str, str]) -> dict[str, str]:
    return {name.replace("_", "-"): value for name, value in headers.items()}


class Site:
    """What the server has, and what it was asked for.

    :ivar pages: Path, with its query or without -> body, or what answers.
    """

    def __init__(self, url: str) -> None:
        self.url = url
        self.pages: dict[str, bytes | str | Respond] = {}
        self.asked: list[str] = []
        self.requests: list[dict[str, str]] = []
        self.closing = threading.Event()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    block_on_close = False

    def handle_error(self, request: object, client_address: object) -> None:
        pass


@contextmanager
def serve(certificate: Path | None = None) -> Iterator[Site]:
    """Yield a site that is served for the moment.

    :param certificate: A file of a key and a certificate for localhost: then it is served over https.
    """
    server = _Server(("127.0.0.1", 0), Request)
    site = Site(f"http://127.0.0.1:{server.server_port}")
    if certificate is not None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        site.url = f"https://localhost:{server.server_port}"
    server.site = site  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield site
    finally:
        site.closing.set()
        server.shutdown()
        server.server_close()
        thread.join()


def make_certificate(folder: Path) -> Path:
    """Make a file of a key and a certificate for localhost, which nobody vouches for, by openssl; return its path."""
    path = folder / "localhost.pem"
    words = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost"
    made = [*words.split(), "-addext", "subjectAltName=DNS:localhost", "-keyout", str(path), "-out", f"{path}.crt"]
    subprocess.run(made, check=True, capture_output=True)
    with path.open("a") as file:
        file.write(Path(f"{path}.crt").read_text())
    return path


def slowly(request: Request) -> None:
    """Answer at once and then send a byte now and then, without end."""
    request.start(200, {"Content-Type": "application/xml"})
    _drip(request, b" ")


def slow_head(request: Request) -> None:
    """Send the head of an answer a byte now and then, without end."""
    request.wfile.write(b"HTTP/1.1 200 OK\r\nX-Long: ")
    _drip(request, b"x")


def _drip(request: Request, piece: bytes) -> None:
    site: Site = request.server.site  # type: ignore[attr-defined]
    while not site.closing.wait(0.02):
        request.wfile.write(piece)
        request.wfile.flush()


def endlessly(request: Request) -> None:
    """Send two gigabytes, of which the head says nothing."""
    request.start(200, {"Content-Type": "application/xml"})
    piece = b"<!-- -->" * 2**13
    for _ in range(2 * 2**30 // len(piece)):
        request.wfile.write(piece)


def two_gigabytes(request: Request) -> None:
    """Announce two gigabytes."""
    request.start(200, {"Content-Length": str(2 * 2**30)})


def half(body: bytes) -> Respond:
    """Announce a body and send the first half of it."""

    def respond(request: Request) -> None:
        request.start(200, {"Content-Length": str(len(body))})
        request.wfile.write(body[: len(body) // 2])

    return respond


def redirect(target: str, status: int = 302) -> Respond:
    return lambda request: request.give(b"", status, Location=target)


def failing(status: int) -> Respond:
    return lambda request: request.give("no", status)
