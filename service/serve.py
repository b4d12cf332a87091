"""`lienquan serve`: gunicorn around the application. Each worker loads its own application after the fork.

Owns what workers share: cores, the imported program, the directory of their metrics, the log format.
"""

from __future__ import annotations

import faulthandler
import gc
import logging
import os
import resource
import shutil
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from indexer.files import private
from indexer.files.hashed import BackgroundHashing, FileDigests
from models.cpu import available_threads
from service.serving import allocator
from service.serving.admission import SPARE, Admission
from service.serving.batching import ALTOGETHER

if TYPE_CHECKING:
    from service.settings import Settings

logger = logging.getLogger(__name__)

REQUEST_LINE = 8190
"""Longest request line in bytes; gunicorn answers a longer one with its own 414."""

SWITCH = 0.001
"""Seconds after which a thread must release the interpreter's lock. With Python's default of 5 ms, the loop that turns
requests away would run too late while requests run Python code, as related lists do."""

STUCK = 60
"""Seconds after which a running request counts as stuck. Its time limit is checked between stages, so it must be in a
call that does not return."""

_METRICS = "lienquan-metrics-"


def share_cores(workers: int, threads: int | None = None) -> int:
    """Give each worker an equal share of the cores, and return it.

    numpy gets one thread, since its products are small. More threads gain less than a millisecond, and if another
    process uses a core, they wait for each other by spinning, for seconds in `numpy.linalg.qr`. FAISS's threads sleep
    while they wait, since the encoder needs their cores a moment later.

    Must be called before numpy or faiss is imported: they read the environment once.

    :param threads: The encoder's threads, if they are set.
    """
    share = max(1, available_threads() // workers)
    os.environ.setdefault("OMP_NUM_THREADS", str(share))
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    for name in ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("LIENQUAN_THREADS", str(threads or share))
    return share


def serve(
    home: Path, host: str, port: int, workers: int, ahead: BackgroundHashing | None = None, open_newsroom: bool = False
) -> None:
    """Serve until the process is told to stop.

    :param port: 0 lets the system choose; the log names it.
    :param ahead: The hashing of the home's files, if it has begun already.
    :param open_newsroom: Like the setting; only with a loopback address as host.
    :raises SettingsError: if settings are invalid.
    """
    from service import settings
    from service.observing import logs

    private.owner_only()
    ahead = ahead or BackgroundHashing(home)
    gc.disable()  # while importing, which makes no garbage
    found = settings.load()
    settings.oidc_secret(found)  # reports a faulty file here, not in each worker
    logs.configure(found.log_format)
    if not found.access_log:
        logging.getLogger("service.access").setLevel(logging.WARNING)
    share = share_cores(workers, found.threads)
    allocator.share_arenas()
    _open_files()
    os.environ["LIENQUAN_HOME"] = str(home.absolute())
    os.environ["LIENQUAN_HOST"] = host
    os.environ["LIENQUAN_PORT"] = str(port)
    os.environ["LIENQUAN_OPEN_NEWSROOM"] = str(open_newsroom).lower()
    chosen = settings.load()  # with the cores just shared out
    with _metrics_directory():
        hashed = _preload(chosen, workers, ahead)

        def load() -> Any:
            from service.app import create_app

            app = create_app(hashed=hashed)
            sys.setswitchinterval(SWITCH)
            allocator.keep_trimming()
            threading.Thread(
                target=_end_if_stuck, args=(app.extensions["admission"],), name="stuck", daemon=True
            ).start()
            return app

        with _ingesting(chosen, home.absolute()):
            run(load, host, port, workers, 2 * (share + chosen.max_waiting) + ALTOGETHER + SPARE)


@contextmanager
def _metrics_directory() -> Iterator[None]:
    """Make the directory of all workers' metrics, and remove it at the end.

    It is in memory if the system has such a place: the client maps its files, which would be fatal on a full disk.
    Enter this before the client is imported.
    """
    variable, server = "PROMETHEUS_MULTIPROC_DIR", os.getpid()
    if given := os.environ.get(variable):  # the operator's own; emptied of the counts of earlier runs
        Path(given).mkdir(parents=True, exist_ok=True)
        for left in Path(given).glob("*.db"):
            left.unlink()
        yield
        return
    memory = Path("/dev/shm")  # noqa: S108
    place = memory if os.access(memory, os.W_OK) else Path(tempfile.gettempdir())
    for left in place.glob(f"{_METRICS}*"):
        if not _lives(left.name.removeprefix(_METRICS).split("-")[0]):  # its server was killed
            shutil.rmtree(left, ignore_errors=True)
    made = tempfile.mkdtemp(prefix=f"{_METRICS}{server}-", dir=place)
    os.environ[variable] = made
    try:
        yield
    finally:
        if os.getpid() == server:  # workers leave this block too when they end
            shutil.rmtree(made, ignore_errors=True)


def _lives(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except (ValueError, ProcessLookupError):
        return False
    except PermissionError:
        return True
    return True


def _end_if_stuck(admission: Admission) -> None:
    """End the process if a request is stuck. gunicorn then starts another worker.

    The stuck request would occupy its place for ever. Other requests get a moment to be answered.
    """
    while admission.oldest() < STUCK:
        time.sleep(1)
    logger.critical("a request has been worked on for %d s and does not end; this worker ends", STUCK)
    faulthandler.dump_traceback()
    time.sleep(1)
    os._exit(1)  # sys.exit would wait for the thread


def _open_files() -> None:
    """Raise the limit of open files to the most allowed: each mapped file counts, and a segment has 50."""
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    with suppress(ValueError, OSError):  # the system may not allow its own limit
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


def _preload(settings: Settings, workers: int, ahead: BackgroundHashing) -> FileDigests:
    """Load before the fork what all workers share: the program, word lists, and the model's tokenizer.

    A single worker shares with nobody, and answers sooner if it loads the tokenizer beside its first requests.

    :return: The digests of the snapshot's files, so that no worker hashes them again.
    """
    import service.app  # noqa: F401
    from models import catalogue, sentence_transformer
    from models.errors import ModelError
    from service.query import english, known_words, thesaurus

    if workers > 1:
        thesaurus.preload()
        english.preload()
        known_words.preload()
        if settings.backend != "torch":
            with suppress(ModelError):  # each worker reports a faulty model
                sentence_transformer.preload(catalogue.find(settings.model))
    hashed = ahead.result()
    gc.freeze()  # memory that the collector never visits stays shared
    gc.enable()
    return hashed


@contextmanager
def _ingesting(settings: Settings, home: Path) -> Iterator[None]:
    """Run the process that ingests the API's changes while the block runs, and end it afterwards."""
    from service import app
    from service.writes import ingesting

    server, started = os.getpid(), ingesting.start(home, lambda: app.load_encoder(settings))
    try:
        yield
    finally:
        if os.getpid() == server:  # workers leave this block too when they end
            ingesting.stop(started)


def run(load: Callable[[], Any], host: str, port: int, workers: int, threads: int = SPARE) -> None:
    """Run an application under gunicorn with the service's configuration until the process is told to stop.

    :param load: Returns the WSGI application; called in each worker, after the fork.
    :param threads: The threads of a worker; each serves one connection while there is a request on it.
    """
    from gunicorn.app.base import BaseApplication
    from gunicorn.glogging import Logger

    from service.observing import logs

    class GunicornLogger(Logger):  # type: ignore[misc]
        """Passes gunicorn's log on to the program's log; for requests, only failures."""

        def setup(self, cfg: Any) -> None:
            super().setup(cfg)
            if logging.getLogger().handlers:
                self.error_log.handlers.clear()
                self.error_log.propagate = True

        def exception(self, msg: str, *args: Any, **options: Any) -> None:
            """Log an exception; for a request's, without its message, which may quote the request."""
            failed = sys.exc_info()[1]
            if failed is None or not msg.startswith(("Error handling", "Socket error")):
                super().exception(msg, *args, **options)
            else:
                self.error_log.error("answering a request failed\n%s", logs.stack(failed))

    from service.serving.worker import Worker

    class Application(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            given = {**_config(host, port, workers, threads, Worker), "logger_class": GunicornLogger}
            for name, value in given.items():
                if name in self.cfg.settings:  # older releases have no control socket to disable
                    self.cfg.set(name, value)

        def load(self) -> Any:
            return load()

    Application().run()


def _config(host: str, port: int, workers: int, threads: int, worker: type) -> dict[str, Any]:
    return {
        "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "workers": workers,
        "worker_class": worker,
        "threads": threads,
        "timeout": 60,
        "graceful_timeout": 30,
        "limit_request_line": REQUEST_LINE,
        "limit_request_field_size": 8190,
        # Only the setting `trusted_hops` decides whether forwarded headers count, not that a peer is on this machine.
        "forwarded_allow_ips": "",
        "forwarder_headers": "",
        "proc_name": "lienquan",
        "errorlog": "-",
        "loglevel": "info",
        "control_socket_disable": True,
        "child_exit": _child_exit,
    }


def _child_exit(_: Any, worker: Any) -> None:
    from service.observing import metrics

    metrics.bury(worker.pid)
