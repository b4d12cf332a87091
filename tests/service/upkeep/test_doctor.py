"""What the doctor finds wrong, one thing at a time, and what it says about it."""

import json
import os
import socket
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner

from indexer.articles.article import validate
from indexer.building.ingest import Ingester, live_home
from indexer.changes.journal import FILE as JOURNAL
from indexer.changes.journal import Journal, Put
from indexer.snapshot.home import Home
from indexer.sources import following
from models import catalogue, sentence_transformer
from models.errors import ModelError
from models.hashing import HashingEncoder
from service import settings
from service.cli import main
from service.security.keys import KeyStore
from service.upkeep import doctor

LINES = [{"id": f"bai-{at}", "title": f"công nhân ca {at}"} for at in range(3)]


@pytest.fixture(autouse=True)
def well(tmp_path, monkeypatch, publish):
    """Settings and a home with which nothing is wrong; what the command sets is put back."""
    for name in (*settings.in_environment().values(), settings.FILE_VARIABLE):
        monkeypatch.setenv(name, "put back")
        monkeypatch.delenv(name)
    home = tmp_path / "home"
    publish(home, LINES)
    with closing(socket.create_server(("127.0.0.1", 0))) as free:
        port = free.getsockname()[1]
    for name, value in {"HOME": home, "MODEL": "hashing", "PORT": port, "MODELS": tmp_path / "models"}.items():
        monkeypatch.setenv(f"LIENQUAN_{name}", str(value))
    monkeypatch.setattr(doctor, "int8_kind", lambda: ("vnni", "VNNI instructions"))
    monkeypatch.setattr(doctor, "available_threads", lambda: 4)
    return Home(home)


def found():
    """Return what was found, by what was looked at."""
    return {finding.subject: finding for finding in doctor.examine()}


def test_where_all_is_well_nothing_is_said_but_that(well):
    findings = found()
    assert {finding.status for finding in findings.values()} == {"ok"}
    assert list(findings) == [
        *("settings", "CPU", "home", "disk", "model", "snapshot"),
        *("modes", "keys", "changes", "ingestion", "sync", "port"),
    ]
    assert "3 articles, every file as it was published, made with this model" in findings["snapshot"].found
    assert "encodes a query in " in findings["model"].found


class TestSettings:
    def test_every_fault_and_the_processor_all_the_same(self, monkeypatch):
        monkeypatch.setenv("LIENQUAN_HOEM", "x")
        monkeypatch.setenv("LIENQUAN_WORKERS", "many")
        findings = list(doctor.examine())
        assert [finding.subject for finding in findings] == ["settings", "settings", "CPU"]
        assert "did you mean LIENQUAN_HOME?" in findings[0].found
        assert "LIENQUAN_WORKERS: 'many'" in findings[1].found

    def test_a_file_that_is_not_there(self, monkeypatch, tmp_path):
        monkeypatch.setenv("LIENQUAN_RULES", str(tmp_path / "rules.jsonl"))
        finding = found()["rules"]
        assert finding.status == "problem"
        assert finding.found == f"{tmp_path / 'rules.jsonl'}: No such file or directory"
        assert "LIENQUAN_RULES" in finding.advice
        assert "files" not in found()  # it is said once

    @pytest.mark.parametrize(("mode", "status"), [(0o600, "ok"), (0o644, "problem")])
    def test_a_secret_that_others_may_read(self, monkeypatch, tmp_path, mode, status):
        path = tmp_path / "oidc-secret"
        path.write_text("tuyetmat")
        path.chmod(mode)
        given = {"ISSUER": "https://dang-nhap.bao.example", "CLIENT_ID": "x", "CLIENT_SECRET_FILE": str(path)}
        given["CHIEFS"] = '["thu-ky"]'
        for name, value in given.items():
            monkeypatch.setenv(f"LIENQUAN_OIDC_{name}", value)
        monkeypatch.setenv("LIENQUAN_PUBLIC_URL", "https://tim.bao.example")
        finding = found()["oidc_client_secret_file"]
        assert finding.status == status
        assert "tuyetmat" not in str(finding)
        if status == "problem":
            assert f"chmod 600 {path}" in finding.advice

    def test_a_line_that_is_not_as_expected(self, monkeypatch, tmp_path, caplog):
        (tmp_path / "rules.jsonl").write_text("chặn bài này\n", encoding="utf-8")
        monkeypatch.setenv("LIENQUAN_RULES", str(tmp_path / "rules.jsonl"))
        findings = found()
        assert findings["rules"].status == "ok"
        assert findings["files"].status == "problem"
        assert "rules.jsonl:1" in findings["files"].found
        assert caplog.records == []

    def test_models_are_looked_for_where_the_file_says(self, monkeypatch, tmp_path):
        monkeypatch.delenv("LIENQUAN_MODELS")
        (tmp_path / "lienquan.toml").write_text('models = "here"\n', encoding="utf-8")
        monkeypatch.setenv(settings.FILE_VARIABLE, str(tmp_path / "lienquan.toml"))
        found()
        assert catalogue.models_home() == tmp_path / "here"
        monkeypatch.setenv("LIENQUAN_MODELS", "put back")


class TestMachine:
    @pytest.mark.parametrize(
        ("kind", "workers", "status"),
        [("vnni", 4, "ok"), ("arm", 1, "ok"), ("avx2", 1, "warning"), (None, 1, "warning"), ("vnni", 5, "warning")],
    )
    def test_the_processor(self, monkeypatch, kind, workers, status):
        monkeypatch.setattr(doctor, "int8_kind", lambda: (kind, "why"))
        monkeypatch.setenv("LIENQUAN_WORKERS", str(workers))
        assert found()["CPU"].status == status

    @pytest.mark.parametrize(("free", "status"), [(2**40, "ok"), (2**29, "warning"), (2**20, "problem")])
    def test_room_on_the_disk(self, monkeypatch, free, status):
        usage = doctor.shutil.disk_usage("/")
        monkeypatch.setattr(doctor.shutil, "disk_usage", lambda path: usage._replace(free=free))
        finding = found()["disk"]
        assert finding.status == status
        assert (status == "ok") == ("wanted" not in finding.found)

    def test_a_home_that_cannot_be_written_to(self, monkeypatch):
        def refused(**kwargs):
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refused)
        assert (found()["home"].status, found()["home"].found.split(": ")[-1]) == ("problem", "Permission denied")

    def test_no_home_yet(self, monkeypatch, tmp_path):
        monkeypatch.setenv("LIENQUAN_HOME", str(tmp_path / "none"))
        findings = found()
        assert (findings["home"].status, findings["snapshot"].status) == ("warning", "warning")
        assert "disk" not in findings
        assert not (tmp_path / "none").exists()


class TestModel:
    def test_one_that_is_not_made_yet_is_not_made_now(self, monkeypatch, tmp_path):
        monkeypatch.setenv("LIENQUAN_MODEL", "bundled")
        findings = found()
        assert findings["model"].status == "warning"
        assert "not made yet" in findings["model"].found
        assert "lienquan models fetch" in findings["model"].advice
        assert findings["snapshot"].found.endswith("not held against the model")
        assert not (tmp_path / "models").exists()

    def test_one_from_the_hub_that_is_not_fetched_yet(self, monkeypatch, tmp_path):
        monkeypatch.setenv("LIENQUAN_MODEL", "nobody/nothing-of-that-name@" + "0" * 40)
        assert "not fetched yet" in found()["model"].found

    @pytest.mark.parametrize("step", ["verify", "load"])
    def test_one_that_is_damaged(self, monkeypatch, step):
        def refuse(*arguments):
            raise ModelError("weights: found sha256 0, expected 1")

        monkeypatch.setattr(sentence_transformer, step, refuse)
        assert (found()["model"].status, "expected 1" in found()["model"].found) == ("problem", True)

    def test_one_whose_name_is_wrong(self, monkeypatch):
        monkeypatch.setenv("LIENQUAN_MODEL", "bundeld")
        assert found()["model"].status == "problem"

    def test_one_that_is_not_the_snapshots(self, monkeypatch):
        class Other(HashingEncoder):
            def __init__(self):
                super().__init__()
                self.identity = type(self.identity)(**{**vars(self.identity), "revision": "other"})

        monkeypatch.setattr(sentence_transformer, "load", lambda *arguments: Other())
        finding = found()["snapshot"]
        assert finding.status == "problem"
        assert "made with" in finding.found


class TestSnapshot:
    def test_none_is_published(self, monkeypatch, tmp_path):
        (tmp_path / "empty").mkdir()
        monkeypatch.setenv("LIENQUAN_HOME", str(tmp_path / "empty"))
        assert found()["snapshot"].advice == "run `lienquan index`"

    @pytest.mark.parametrize("name", ["vectors.npy", "articles.sqlite"])
    def test_a_flipped_byte(self, well, name):
        path = well.directory(well.current()) / "segment-0" / name
        content = bytearray(path.read_bytes())
        content[-1] ^= 1
        path.write_bytes(bytes(content))
        finding = found()["snapshot"]
        assert finding.status == "problem"
        assert "expected" in finding.found
        assert "rollback" in finding.advice


class TestKeys:
    def test_what_they_open(self, well):
        store = KeyStore(well.path)
        store.create("CMS", ["ingest"])
        store.create("Lan", ["rules", "newsroom"])
        gone, _ = store.create("cũ", ["ingest"])
        store.revoke(gone.id)
        assert found()["keys"].found == "2 that count: ingest 1, newsroom 1, rules 1"

    def told(self, well, ends, ages=0, used=None):
        """Return what is said of a key by when it ends, how long ago it was made and used, in days."""
        now = int(datetime.now(UTC).timestamp())
        store = KeyStore(well.path, lambda: now - ages * 86_400)
        key, text = store.create("CMS", ["ingest"], None if ends is None else now + int(ends * 86_400))
        if used is not None:
            KeyStore(well.path, lambda: now - used * 86_400).find(text)
        return key, [finding for subject, finding in found().items() if subject == f"key {key.id}"]

    @pytest.mark.parametrize("ends", [0.5, 13.9])
    def test_one_that_ends_soon_until_another_follows_it(self, well, ends):
        key, (finding,) = self.told(well, ends)
        assert (finding.status, finding.found[:10]) == ("warning", "CMS: ends ")
        assert f"`lienquan keys rotate {key.id}`" in finding.advice
        KeyStore(well.path).rotate(key.id, 3600)
        assert f"key {key.id}" not in found()

    def test_one_that_has_ended(self, well):
        _, (finding,) = self.told(well, -1, 10, 2)
        assert (finding.status, finding.found[:11]) == ("warning", "CMS: ended ")
        assert found()["keys"].found.startswith("none that count: ")

    def test_one_that_is_not_used(self, well):
        key, (finding,) = self.told(well, None, 200, 91)
        assert (finding.status, finding.found[:15]) == ("warning", "CMS: last used ")
        assert f"`lienquan keys revoke {key.id}`" in finding.advice
        _, (finding,) = self.told(well, 60, 91)
        assert finding.found.startswith("CMS: made, and never used since, ")

    @pytest.mark.parametrize(
        ("ends", "ages", "used"), [(14.1, 0, None), (-14.1, 30, 20), (None, 89, None), (40, 200, 1)]
    )
    def test_of_the_others_nothing(self, well, ends, ages, used):
        assert self.told(well, ends, ages, used)[1] == []

    def test_of_one_that_is_revoked_nothing(self, well):
        key, _ = self.told(well, 1)
        KeyStore(well.path).revoke(key.id)
        assert f"key {key.id}" not in found()

    @pytest.mark.parametrize("name", ["keys.sqlite", "session.key", "people.sqlite"])
    def test_a_file_that_others_may_read(self, well, name):
        (well.path / name).touch(0o644)
        (well.path / name).chmod(0o644)
        finding = found()["keys"]
        assert finding.status == "problem"
        assert f"chmod 600 {well.path / name}" in finding.advice

    def test_a_file_that_is_damaged(self, well, caplog):
        KeyStore(well.path).create("CMS", ["ingest"])
        (well.path / "keys.sqlite").write_bytes(b"x" * 8192)
        finding = found()["keys"]
        assert finding.status == "problem"
        assert "keys.sqlite: cannot be used: file is not a database" in finding.found
        assert caplog.records == []


class TestChanges:
    @pytest.fixture
    def journal(self, well):
        with closing(Journal(well.path)) as journal:
            yield journal

    @staticmethod
    def written(journal, minutes):
        now = datetime.now(UTC) - timedelta(minutes=minutes)
        journal.write([Put(validate({"id": f"moi-{minutes}", "title": "Bài mới"}))], now=now)

    def test_they_wait_for_a_service(self, journal):
        self.written(journal, 10)
        self.written(journal, 9)
        findings = found()
        assert (findings["changes"].status, findings["ingestion"].status) == ("warning", "warning")
        assert findings["changes"].found.startswith("2 wait, the first since 20")
        assert "lienquan merge" in findings["changes"].advice

    @pytest.mark.parametrize(("minutes", "status"), [(1, "ok"), (10, "problem")])
    def test_a_process_that_brings_them_in_does_so_soon(self, well, journal, minutes, status):
        self.written(journal, minutes)
        with live_home(well).lock():
            findings = found()
        assert (findings["changes"].status, findings["ingestion"].status) == (status, "ok")

    def test_once_they_are_served_none_waits(self, well, journal):
        self.written(journal, 10)
        with live_home(well).lock():
            Ingester(well, HashingEncoder).step()
        assert found()["changes"].found == "none waits to be served, 1 to be published"
        assert found()["changes"].status == "ok"

    def test_a_damaged_journal(self, well, journal):
        journal.close()
        for path in well.path.glob(f"{JOURNAL}*"):
            path.write_bytes(b"x" * 8192)
        finding = found()["changes"]
        assert finding.status == "problem"
        assert "file is not a database" in finding.found


class TestSync:
    ASKED = datetime(2026, 11, 20, 12, tzinfo=UTC)

    @staticmethod
    def written(home, **values):
        (home.path / following.FILE).write_text(following.SyncState(**values).model_dump_json())

    def test_sources_that_are_well(self, well):
        self.written(well, asked=self.ASKED, sources=[following.SourceState(name="a")])
        finding = found()["sync"]
        assert (finding.status, finding.found) == ("ok", "sources last asked 2026-11-20T19:00:00+07:00, 1 of them")

    def test_nobody_follows_them_any_more(self, well):
        self.written(well, every=300, asked=self.ASKED)
        finding = found()["sync"]
        assert finding.status == "warning"
        assert finding.found == "no process follows them any more, sources last asked 2026-11-20T19:00:00+07:00"

    def test_who_follows_them_is_stuck(self, well):
        self.written(well, every=300, asked=self.ASKED)
        with following.following(well.path):
            finding = found()["sync"]
        assert (finding.status, finding.found.endswith(", overdue")) == ("problem", True)

    def test_a_source_that_fails_and_a_build_that_is_refused(self, well):
        bad = following.SourceState(name="a", problem="found 500", problems=1, since=self.ASKED)
        self.written(well, asked=self.ASKED, problem="would remove 9 of 10", sources=[bad])
        findings = found()
        assert findings["sync"].found == "not published: would remove 9 of 10"
        assert findings["source a"].found == "found 500 since 2026-11-20T19:00:00+07:00"
        assert {findings["sync"].status, findings["source a"].status} == {"problem"}


class Answering(BaseHTTPRequestHandler):
    """Answers /readyz with what the server was given."""

    def do_GET(self):
        status, content = self.server.answer
        self.send_response(status)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *arguments):
        pass


class TestPort:
    @pytest.mark.parametrize(
        ("answer", "status", "said"),
        [
            ((200, b'{"status": "ready", "snapshot": "s1", "problem": null}'), "ok", "ready with s1"),
            ((200, b'{"status": "ready", "snapshot": "s1", "problem": "s2: damaged"}'), "problem", "s2: damaged"),
            ((503, b'{"detail": "no snapshot yet"}'), "problem", "no snapshot yet"),
            ((404, b"<html>"), "problem", "status 404"),
            ((200, b"<html>"), "problem", "no Lienquan answers there"),
        ],
    )
    def test_who_listens_there(self, monkeypatch, answer, status, said):
        server = HTTPServer(("127.0.0.1", 0), Answering)
        server.answer = answer
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            monkeypatch.setenv("LIENQUAN_PORT", str(server.server_port))
            finding = found()["port"]
        finally:
            server.shutdown()
            thread.join()
            server.server_close()
        assert finding.status == status
        assert said in finding.found


class TestCommand:
    def run(self, *arguments):
        return CliRunner().invoke(main, ["doctor", *map(str, arguments)])

    def test_status_0_where_nothing_is_wrong(self):
        done = self.run()
        assert done.exit_code == 0, done.stdout
        assert done.stdout.splitlines()[0].startswith("ok       settings: valid")
        assert "->" not in done.stdout

    def test_status_1_where_something_is(self, well, monkeypatch):
        monkeypatch.setenv("LIENQUAN_HOEM", "x")
        done = self.run("--json")
        assert done.exit_code == 1
        told = json.loads(done.stdout)
        assert told["ok"] is False
        assert [finding["status"] for finding in told["findings"]] == ["problem", "ok"]
        assert "         -> mend it" in self.run().stdout

    def test_a_warning_is_no_failure_and_options_name_home_and_file(self, tmp_path):
        (tmp_path / "own.toml").write_text("min_related = 0.2\n", encoding="utf-8")
        done = self.run("--home", tmp_path / "none", "--settings", tmp_path / "own.toml")
        assert done.exit_code == 0, done.stdout
        assert f"file {tmp_path / 'own.toml'}" in done.stdout
        assert f"{tmp_path / 'none'}: not there" in done.stdout
        assert os.environ["LIENQUAN_HOME"] == str(tmp_path / "none")
