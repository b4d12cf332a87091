"""What may keep this installation from answering, and what to do about it.

Settings, the files they name, processor, disk, model, snapshot, port; `home_checks` covers the rest of a home. Only
reports: changes nothing, and makes no missing model. Knows nothing of how its findings are shown.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import tempfile
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter

from indexer.errors import SnapshotError
from indexer.snapshot.home import Home
from indexer.snapshot.manifest import read_manifest
from indexer.snapshot.snapshot import Snapshot
from models import catalogue, cross_encoder, sentence_transformer
from models.cpu import available_threads, int8_kind
from models.encoder import Encoder
from models.errors import ModelError
from service import settings
from service.options import Options
from service.search import reranking
from service.settings import Settings, SettingsError
from service.upkeep.home_checks import CheckResult as CheckResult
from service.upkeep.home_checks import Status, examine_home, heard

_LEAST_FREE = 2**30
"""Bytes below which a disk is nearly full."""

_GROWTH = 2
"""A rewrite needs room for the whole snapshot anew, and for what is staged meanwhile."""

_PATIENCE = 3.0
"""Seconds to wait for a service's readiness."""


def examine() -> Iterator[CheckResult]:
    """Yield a finding for each check, as soon as it is known."""
    try:
        loaded = settings.load()
    except SettingsError as error:
        for fault in error.faults:
            yield CheckResult("settings", "problem", fault, "mend it; `lienquan settings --example` names all settings")
        yield _processor(1)
        return
    yield CheckResult("settings", "ok", f"valid, {_named()}")
    if loaded.models is not None:
        os.environ[settings.variable("models")] = str(loaded.models)
    yield from _files(loaded)
    yield _processor(loaded.workers)
    yield from _disk(loaded.home)
    found, encoder = _model(loaded)
    yield found
    if loaded.reranker is not None:
        yield _reranker(loaded.reranker, loaded)
    yield _snapshot(loaded.home, encoder)
    yield from examine_home(loaded.home)
    yield _port(loaded.host, loaded.port)


def _named() -> str:
    file, variables = settings.file(), settings.in_environment()
    said = [f"file {file}"] if file else []
    return ", ".join([*said, f"{len(variables)} from the environment"])


def _files(loaded: Settings) -> Iterator[CheckResult]:
    """Check the files that settings name: present, readable, and every line valid."""
    named = {
        name: value
        for name in Settings.model_fields
        if name not in {"home", "models"} and isinstance(value := getattr(loaded, name), Path)
    }
    unread = {name: reason for name, path in named.items() if (reason := _unreadable(path)) is not None}
    for name, path in named.items():
        if name in unread:
            advice = f"write the file, or take {settings.variable(name)} ({name} in the settings file) away"
            yield CheckResult(name, "problem", f"{path}: {unread[name]}", advice)
        elif fault := _secret_fault(name, loaded):
            yield CheckResult(name, "problem", fault, f"chmod 600 {path}, and see that the secret is in it")
        else:
            yield CheckResult(name, "ok", f"{path}: can be read")
    with heard() as said:
        options = Options.of(loaded)
        options.synonyms()
        options.rules()
    for line in said:
        if not any(named[name].name in line for name in unread):
            yield CheckResult("files", "problem", line, "mend the line; the others count meanwhile")


def _secret_fault(name: str, loaded: Settings) -> str | None:
    """Return the fault of a file with a secret, None if it has no fault or no secret."""
    if name != "oidc_client_secret_file":
        return None
    try:
        settings.oidc_secret(loaded)
    except settings.SettingsError as error:
        return str(error)
    return None


def _unreadable(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            file.read(1)
    except OSError as error:
        return error.strerror or str(error)
    return None


def _processor(workers: int) -> CheckResult:
    kind, why = int8_kind()
    cores = available_threads()
    found = f"{cores} cores for {workers} workers, {why}"
    if kind is None:
        return CheckResult(
            "CPU", "warning", found, "the model runs in torch here: a query takes about seven times as long"
        )
    if workers > cores:
        return CheckResult("CPU", "warning", found, f"set workers to at most {cores}")
    if kind == "avx2":
        return CheckResult(
            "CPU", "warning", found, "encoding is slower without VNNI; related lists of articles are not"
        )
    return CheckResult("CPU", "ok", found)


def _disk(home: Path) -> Iterator[CheckResult]:
    if not home.is_dir():
        yield CheckResult(
            "home", "warning", f"{home}: not there", "the first `lienquan index` makes it; is home right?"
        )
        return
    try:
        with tempfile.TemporaryFile(dir=home) as file:
            file.write(b"x")
    except OSError as error:
        yield CheckResult("home", "problem", f"{home}: {error.strerror}", "let the service's user write there")
    else:
        yield CheckResult("home", "ok", f"{home}: can be written to")
    free = shutil.disk_usage(home).free
    needed = max(_LEAST_FREE, _GROWTH * _current_bytes(home))
    found = f"{free / 2**30:.1f} GiB free"
    if free >= needed:
        yield CheckResult("disk", "ok", found)
        return
    advice = "make room: `lienquan snapshots prune --keep 2`, old rejects-*.jsonl"
    status: Status = "problem" if free < _LEAST_FREE // 4 else "warning"
    yield CheckResult("disk", status, f"{found}, {needed / 2**30:.1f} GiB wanted to write all anew", advice)


def _current_bytes(home: Path) -> int:
    place = Home(home)
    try:
        name = place.current()
        manifest = read_manifest(place.directory(name)) if name else None
    except SnapshotError:
        return 0
    return sum(entry.size for entry in manifest.files.values()) if manifest else 0


def _model(loaded: Settings) -> tuple[CheckResult, Encoder | None]:
    """Check the model: present, undamaged, and able to encode."""
    given = (loaded.model, loaded.query_prompt, loaded.document_prompt, loaded.max_tokens)
    try:
        card = catalogue.find(*given)
        absent = sentence_transformer.missing(card)
        if absent is not None:
            advice = "`lienquan models fetch` makes or fetches it now; else `index` and `serve` do"
            return CheckResult("model", "warning", absent, advice), None
        sentence_transformer.verify(card)
        encoder = sentence_transformer.load(card, loaded.backend, loaded.threads)
        encoder.encode_queries(["khám bệnh"])
        started = perf_counter()
        encoder.encode_queries(["khám sức khỏe"])
    except ModelError as error:
        return CheckResult("model", "problem", str(error), "`lienquan models check` says more"), None
    took = (perf_counter() - started) * 1000
    identity = encoder.identity
    return CheckResult(
        "model", "ok", f"{identity.name}, {identity.precision}: encodes a query in {took:.1f} ms"
    ), encoder


def _reranker(name: str, loaded: Settings) -> CheckResult:
    """Check the cross-encoder: present, and able to score."""
    try:
        card = cross_encoder.find(name)
        absent = cross_encoder.missing(card)
        if absent is not None:
            return CheckResult("reranker", "warning", absent, "`serve` fetches it, and searches without it until then")
        reranker = cross_encoder.load(card, loaded.backend, loaded.threads)
        started = perf_counter()
        reranker.score("khám sức khỏe", ["Khám sức khỏe định kỳ cho công nhân"] * reranking.FIRST)
    except ModelError as error:
        return CheckResult("reranker", "problem", str(error), "mend it; searches go without it meanwhile")
    took = (perf_counter() - started) * 1000
    return CheckResult("reranker", "ok", f"{reranker.name}: scores {reranking.FIRST} short passages in {took:.1f} ms")


def _snapshot(home: Path, encoder: Encoder | None) -> CheckResult:
    """Check the current snapshot: every byte, whether it opens, and whether it fits the encoder."""
    place = Home(home)
    try:
        name = place.current()
        if name is None:
            return CheckResult("snapshot", "warning", f"{home}: none is published yet", "run `lienquan index`")
        snapshot = Snapshot(place.directory(name))  # this hashes all files
    except (SnapshotError, OSError) as error:
        advice = "`lienquan snapshots rollback`, or restore a backup, or `lienquan index` the sources"
        return CheckResult("snapshot", "problem", str(error), advice)
    manifest = snapshot.manifest
    snapshot.close()
    found = f"{name}: {manifest.articles} articles, every file as it was published"
    if encoder is None:
        return CheckResult("snapshot", "ok", f"{found}; not held against the model")
    if not manifest.encoder.compatible(encoder.identity):
        found = f"{name}: made with {manifest.encoder}, the settings have {encoder.identity}"
        return CheckResult("snapshot", "problem", found, "index with the same settings, or set back the model")
    return CheckResult("snapshot", "ok", f"{found}, made with this model")


def _port(host: str, port: int) -> CheckResult:
    """Check the port of `serve`: nobody listens, or a service that is ready."""
    at = f"{host}:{port}"
    try:
        with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as own:
            own.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            own.bind((host, port))
    except OSError as error:
        reached = "127.0.0.1" if host in {"0.0.0.0", ""} else host  # noqa: S104
        return _listener(at, reached, port, error)
    return CheckResult("port", "ok", f"{at}: free for `lienquan serve`")


def _listener(at: str, host: str, port: int, refused: OSError) -> CheckResult:
    address = f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"
    try:
        with urllib.request.urlopen(f"{address}/readyz", timeout=_PATIENCE) as answer:  # noqa: S310
            told, status = json.load(answer), answer.status
    except urllib.error.HTTPError as error:
        with error:
            told, status = _problem(error.read), error.code
    except (OSError, ValueError):
        advice = "set another port, or stop what listens there"
        return CheckResult("port", "problem", f"{at}: {refused.strerror}, and no Lienquan answers there", advice)
    if status == 200 and not told.get("problem"):
        return CheckResult("port", "ok", f"{at}: a service answers, ready with {told.get('snapshot')}")
    reason = told.get("problem") or told.get("detail") or f"status {status}"
    return CheckResult("port", "problem", f"{at}: a service answers, but: {reason}", "its log says more")


def _problem(read: Callable[[], bytes]) -> dict[str, str]:
    try:
        found = json.loads(read())
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
