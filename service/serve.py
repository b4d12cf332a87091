"""`lienquan serve`: gunicorn around the application, each worker loading its own after the fork."""

from __future__ import annotations

import ctypes
import faulthandler
import gc
import logging
import os
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

from models.cpu import available_threads
from service.admission import SPARE, Gate

logger = logging.getLogger(__name__)

REQUEST_LINE = 8190
"""Longest request line in bytes; gunicorn answers a longer one with its own 414."""

SWITCH = 0.001
"""Seconds after which a thread has to give the interpreter up; with Python's 5 ms the loop that turns requests away
comes too late where requests are plain Python, as related lists are."""

_M_ARENA_MAX = -8
"""Of glibc's malloc.h."""

STUCK = 60
"""Seconds after which a request that is still worked on is stuck: it is in one call that does not return, since the
limit of its time is looked at between stages."""


def share_cores(workers: int) -> int:
    """Give each worker's numeric libraries an equal share of the cores, and return it.

    Must be called before numpy or faiss is imported: they read the environment once.
    """
    share = max(1, available_threads() // workers)
    for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
        os.environ.setdefault(name, str(share))
    os.environ.setdefault("LIENQUAN_THREADS", str(share))
    return share


def serve(home: Path, host: str, port: int, workers: int) -> None:
    """Serve until told to stop.

    :param port: 0 lets the system choose; the log names it.
    """
    share = share_cores(workers)
    _share_arenas()
    os.environ["LIENQUAN_HOME"] = str(home.absolute())
    waiting = _preload(workers)
    _ingest(home.absolute())

    def load() -> Any:
        from service.app import create_app

        app = create_app()
        sys.setswitchinterval(SWITCH)
        gate = app.extensions["admission"].gate
        threading.Thread(target=_end_if_stuck, args=(gate,), name="stuck", daemon=True).start()
        return app

    run(load, host, port, workers, share + waiting + SPARE)


def _share_arenas() -> None:
    """Have the many threads of a worker share two of glibc's arenas; each of its own would keep what it once needed."""
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)  # other C libraries have none
    if mallopt is not None and "MALLOC_ARENA_MAX" not in os.environ:
        mallopt(_M_ARENA_MAX, 2)


def _end_if_stuck(gate: Gate) -> None:
    """End the process once a request has been worked on for so long that it will never end.

    Its place would be taken for good; gunicorn starts another worker. Whoever else is in has a moment to be answered.
    """
    while gate.oldest() < STUCK:
        time.sleep(1)
    logger.critical("a request has been worked on for %d s and does not end; this worker ends", STUCK)
    faulthandler.dump_traceback()
    time.sleep(1)
    os._exit(1)  # sys.exit would wait for the thread


def _preload(workers: int) -> int:
    """Read once, before workers are forked, what all of them share: the program and the model's tokenizer.

    :return: How many requests may wait in a worker.

    One worker alone has nobody to share with, and answers sooner if it reads the tokenizer beside its first requests.
    """
    from pydantic import ValidationError

    import service.app  # noqa: F401
    from models import catalogue, sentence_transformer
    from models.errors import ModelError
    from service.settings import Settings

    waiting = 0
    with suppress(ValidationError, ModelError):  # each worker says what is wrong with settings or a model
        settings = Settings()
        waiting = settings.max_waiting
        if workers > 1 and settings.backend != "torch":
            sentence_transformer.preload(catalogue.find(settings.model))
    gc.freeze()  # what the collector never walks through stays shared
    return waiting


def _ingest(home: Path) -> None:
    """Start the process that brings the API's changes into what is served."""
    from pydantic import ValidationError

    from service import app, ingesting
    from service.settings import Settings

    with suppress(ValidationError):  # each worker says what is wrong with settings
        settings = Settings()
        ingesting.start(home, lambda: app.load_encoder(settings))


def run(load: Callable[[], Any], host: str, port: int, workers: int, threads: int = SPARE) -> None:
    """Run an application under gunicorn, as the service is run, until told to stop.

    :param load: Returns the WSGI application; called in each worker, after the fork.
    :param threads: Of a worker; each holds one connection while it has a request on it.
    """
    from gunicorn.app.base import BaseApplication

    from service.worker import Worker

    class Application(BaseApplication):  # type: ignore[misc]
        def load_config(self) -> None:
            for name, value in _config(host, port, workers, threads, Worker).items():
                if name in self.cfg.settings:  # older releases have no control socket to switch off
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
        # Whom a proxy asks for is told by the setting of trusted hops alone, not by any process of this machine.
        "forwarded_allow_ips": "",
        "forwarder_headers": "",
        "proc_name": "lienquan",
        "errorlog": "-",
        "loglevel": "info",
        "control_socket_disable": True,
    }
