"""Real database servers for a moment, from Debian's packages, each with a directory of its own and no network.

A server refuses to run as root: where this runs as root, it is given to the user that its package made.
"""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import sqlalchemy as sa


class NoServer(Exception):
    """A server is not installed, or does not start; the message says which."""


def _found(*patterns: str) -> str:
    for pattern in patterns:
        for path in sorted(Path("/").glob(pattern.lstrip("/")), reverse=True):
            if os.access(path, os.X_OK):
                return str(path)
    name = shutil.which(Path(patterns[0]).name)
    if name is None:
        raise NoServer(f"{Path(patterns[0]).name} is not installed")
    return name


def _as_user(name: str, folder: Path) -> list[str]:
    """Give a folder to a user where this is root; return the words before a command that run it as that user."""
    if os.geteuid() != 0:
        return []
    try:
        user = pwd.getpwnam(name)
    except KeyError:
        raise NoServer(f"there is no user {name}, and a server does not run as root") from None
    os.chown(folder, user.pw_uid, user.pw_gid)
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


@contextmanager
def _running(command: list[str], folder: Path, url: str, ready: Path) -> Iterator[str]:
    """Start a server and wait until it has made a file and answers; stop it afterwards."""
    with (folder / "log").open("wb") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
    try:
        until = time.monotonic() + 60
        while not ready.exists() and server.poll() is None and time.monotonic() < until:
            time.sleep(0.05)
        _wait_for(url, server, folder / "log")
        yield url
    finally:
        server.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(20)
        server.kill()
        server.wait()


def _wait_for(url: str, server: subprocess.Popen[bytes], log: Path) -> None:
    engine = sa.create_engine(url)
    until = time.monotonic() + 60
    while True:
        try:
            with engine.connect():
                break
        except sa.exc.OperationalError as error:
            if server.poll() is not None or time.monotonic() > until:
                raise NoServer(f"it does not start: {error}\n{log.read_text(errors='replace')[-2000:]}") from None
            time.sleep(0.1)
    engine.dispose()


@contextmanager
def postgresql(folder: Path) -> Iterator[str]:
    """Yield the address of a database of PostgreSQL.

    :raises NoServer: if there is none.
    """
    initdb, postgres = (_found(f"/usr/lib/postgresql/*/bin/{name}") for name in ("initdb", "postgres"))
    user = _as_user("postgres", folder)
    data = folder / "data"
    made = [*user, initdb, "-D", str(data), "-U", "toasoan", "-E", "UTF8", "--no-locale", "-A", "trust", "--no-sync"]
    subprocess.run(made, check=True, capture_output=True, cwd=folder)
    command = [*user, postgres, "-D", str(data), "-k", str(folder), "-c", "listen_addresses=", "-F"]
    address = f"postgresql+psycopg://toasoan@/postgres?host={folder}"
    with _running(command, folder, address, folder / ".s.PGSQL.5432") as url:
        yield url


@contextmanager
def mariadb(folder: Path) -> Iterator[str]:
    """Yield the address of a database of MariaDB.

    :raises NoServer: if there is none.
    """
    install, server = _found("/usr/bin/mariadb-install-db"), _found("/usr/sbin/mariadbd")
    user = _as_user("mysql", folder)
    data = folder / "data"
    options = ["--no-defaults", f"--datadir={data}", "--innodb-log-file-size=8M"]
    made = [*user, install, *options, "--auth-root-authentication-method=normal", "--skip-test-db"]
    subprocess.run(made, check=True, capture_output=True, cwd=folder)
    command = [*user, server, *options, f"--socket={folder}/s", "--skip-networking", f"--pid-file={folder}/pid"]
    address = f"mysql+pymysql://root@localhost/%s?unix_socket={folder}/s&charset=utf8mb4"
    with _running([*command, "--innodb-flush-log-at-trx-commit=0"], folder, address % "mysql", folder / "s") as url:
        engine = sa.create_engine(url)
        with engine.begin() as connection:
            connection.execute(sa.text("CREATE DATABASE news CHARACTER SET utf8mb4"))
        engine.dispose()
        yield address % "news"


def closed_port() -> int:
    """Return a port that nobody listens at."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])
