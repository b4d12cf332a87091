"""docs/swap-the-encoder.md takes another model into service: its settings, commands and code are run as they stand."""

import json
import shlex
import tomllib
from contextlib import closing
from functools import partial

import numpy as np
import pytest
from click.testing import CliRunner

from indexer.archive import Archive
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from models import catalogue
from models.hashing import HashingEncoder
from service.app import create_app, load_encoder
from service.cli import main
from service.live import Live
from service.schemas import SearchParams
from service.searcher import Searcher
from service.settings import Settings
from tests import tiny_model
from tests.conftest import wait_for
from tests.test_readme import blocks, calls

PAGE = "docs/swap-the-encoder.md"
LINES = [
    {"id": "a", "title": "Công nhân đòi lương ở khu công nghiệp"},
    {"id": "b", "title": "Bão số chín vào miền Trung"},
    {"id": "c", "title": "Giá lúa tăng, nông dân giữ thóc"},
]
(TOML,) = (content for language, content in blocks(PAGE) if language == "toml")
(CODE,) = (content for language, content in blocks(PAGE) if language == "python")


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """Return a directory with the model, an archive, judgements and the page's settings file."""
    place = tmp_path_factory.mktemp("place")
    (place / "models").mkdir()
    tiny_model.write(place / "models" / "ours")
    (place / "archive.jsonl").write_text("".join(json.dumps(line) + "\n" for line in LINES), encoding="utf-8")
    (place / "queries.jsonl").write_text('{"id": "q", "text": "công nhân đòi lương"}\n', encoding="utf-8")
    (place / "qrels.tsv").write_text("query-id\tcorpus-id\tscore\nq\ta\t1\n", encoding="utf-8")
    (place / "lienquan.toml").write_text(TOML, encoding="utf-8")
    return place


@pytest.fixture(autouse=True)
def here(place, monkeypatch):
    monkeypatch.chdir(place)
    monkeypatch.setenv(catalogue.MODELS_VARIABLE, str(place / "made"))
    monkeypatch.setenv("LIENQUAN_BACKEND", "torch")  # int8 models of random weights have a file of their own
    monkeypatch.delenv("LIENQUAN_SETTINGS", raising=False)


def run(call):
    return CliRunner().invoke(main, shlex.split(call))


def test_its_commands_bring_the_model_into_service(place, publish, monkeypatch):
    before = publish(place / "var" / "home", LINES).snapshot
    live = Live(place / "var" / "home", HashingEncoder, 0.02).start()
    try:
        wait_for(lambda: live.not_ready() is None)
        shown = calls(PAGE)
        assert [call.split()[0] for call in shown if "--settings" in call] == [
            *("models", "models", "index", "evaluate", "search", "serve")
        ]
        for call in shown:
            if "--settings" in call and not call.startswith(("serve", "models check")):  # check measures int8
                done = run(call)
                assert done.exit_code == 0, (call, done.output)
                monkeypatch.delenv("LIENQUAN_SETTINGS", raising=False)  # left by the command, which is a process's
        wait_for(lambda: live.problem is not None)
        assert live.searcher().archive.id == before  # the service with the old model goes on
    finally:
        live.stop()


def test_a_service_with_its_settings_answers_by_that_model(place):
    current = Home(place / "var" / "home").current()
    with closing(Archive(Snapshot(place / "var" / "home" / "snapshots" / current))) as archive:
        identity = archive.manifest.encoder
    assert (identity.name, identity.dim) == ("ours", 32)
    assert (identity.query_prompt, identity.document_prompt, identity.max_tokens) == ("query: ", "passage: ", 128)
    settings = Settings(home=place / "var" / "home", backend="torch", **tomllib.loads(TOML))
    live = Live(settings.home, partial(load_encoder, settings), 0.02).start()
    try:
        client = create_app(settings, live).test_client()
        wait_for(lambda: client.get("/readyz").status_code == 200, 60)
        assert "ours" in client.get("/readyz").json["encoder"]
        found = client.get("/api/v1/search?q=công+nhân&mode=dense").json
    finally:
        live.stop()
    assert (len(found["hits"]), found["degraded"]) == (3, [])
    assert all(-1 <= hit["similarity"] <= 1 for hit in found["hits"])


def test_its_encoder_indexes_and_searches(tmp_path, publish):
    said = {}
    exec(compile(CODE, PAGE, "exec"), said)
    encoder = said["LetterEncoder"]()
    vectors = encoder.encode_documents(["gốm", "lụa", ""])
    assert (vectors.dtype, vectors.shape) == (np.float32, (3, encoder.identity.dim))
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-6)
    report = publish(tmp_path, LINES, encoder=lambda: encoder)
    with closing(Archive(Snapshot(Home(tmp_path).directory(report.snapshot)))) as archive:
        found = Searcher(archive, lambda: encoder).search(SearchParams(q=LINES[1]["title"], mode="dense"))
        assert found.hits[0].article.id == "b"
        assert found.hits[0].similarity == pytest.approx(1, abs=1e-5)
