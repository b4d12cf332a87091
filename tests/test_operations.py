"""The operators' page: what it shows of a home and a service, and rolling back from it."""

import json
import logging
import re
from html import unescape

import pytest

from indexer.changes.journal import Journal
from indexer.files.progress import telling
from indexer.snapshot.home import Home
from models.hashing import HashingEncoder
from service.app import create_app
from service.live import Live
from service.security.keys import KeyStore
from service.settings import Settings
from service.upkeep.operations import roll_back, snapshots
from tests.conftest import wait_for

LINES = [{"id": f"bai-{at}", "title": f"công nhân ca {at}", "section": "Đời sống"} for at in range(8)]
LOCAL = {"Host": "localhost"}
PAGE = "/newsroom/index"


@pytest.fixture
def home(tmp_path, publish):
    """Return a home of two snapshots: one of eight articles, then one of seven."""
    publish(tmp_path, LINES)
    publish(tmp_path, LINES[:7])
    return Home(tmp_path)


@pytest.fixture
def client(home):
    live = Live(home.path, HashingEncoder).start()
    wait_for(lambda: live.not_ready() is None)
    yield create_app(Settings(home=home.path, model="hashing", open_newsroom=True), live).test_client()
    live.stop()


def get(client, path=PAGE, **more):
    return client.get(path, headers=LOCAL, **more)


def text(answer):
    """Return what a page says, without its tags."""
    body = answer.get_data(as_text=True).split("<main", 1)[1]
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def signed_in(client, home, *scopes):
    """Sign a client in with a key of these scopes, and return what its forms carry."""
    _, key = KeyStore(home.path).create("Lụa", scopes)
    page = client.get("/newsroom/sign-in", headers=LOCAL).get_data(as_text=True)
    token = re.search(r'name="csrf" value="([^"]+)"', page)[1]
    client.post("/newsroom/sign-in", data={"key": key, "csrf": token}, headers=LOCAL)
    page = client.get("/newsroom/draft", headers=LOCAL).get_data(as_text=True)
    return re.search(r'name="csrf" value="([^"]+)"', page)[1]


class TestPage:
    def test_snapshots_newest_first_with_counts_and_which_is_which(self, client, home):
        old, new = home.ids()
        rows = snapshots(home, new)
        assert [(row.id, row.articles, row.current, row.served) for row in rows] == [
            (new, 7, True, True),
            (old, 8, False, False),
        ]
        assert (rows[0].parent, rows[1].parent, rows[0].recall) == (old, None, 1.0)
        said = text(get(client))
        assert said.index(new) < said.index(f"{new} hiện hành máy này đang dùng") < said.index("Quay về bản này")

    def test_a_snapshot_that_cannot_be_read_is_told_of(self, client, home):
        (home.directory(home.ids()[0]) / "manifest.json").write_text("{}")
        assert "Không dùng được" in text(get(client))

    def test_an_empty_home(self, client_of):
        said = text(get(client_of()))
        assert "Chưa có bản nào." in said
        assert "Chưa có bản nào được phục vụ." in said

    def test_a_build_on_its_way(self, client, home):
        with telling(home.path, lambda *step: None) as told:
            told("encoding", 0, 400)
            told("encoding", 400, 400)
            said = text(get(client))
            assert "Đang dựng kho mã hóa 400 / 400" in said
        assert "Không có bản dựng nào đang chạy" in text(get(client))

    def test_what_the_api_wrote_and_nobody_brings_in(self, client, home):
        lines = "".join(json.dumps({"op": "delete", "id": f"bai-{at}"}) + "\n" for at in range(3))
        _, key = KeyStore(home.path).create("api", ["ingest"])
        client.post("/api/v1/articles:bulk", data=lines, headers={"Authorization": f"Bearer {key}", **LOCAL})
        said = text(get(client))
        assert "3 thay đổi đang chờ" in said
        assert "Không có tiến trình nạp bài nào đang chạy" in said

    def test_takedowns(self, client, home):
        journal = Journal(home.path)
        journal.take_down("bai-3", "Tịnh", "theo yêu cầu <b>", [], [])
        journal.close()
        assert "bai-3" in text(get(client))
        assert "theo yêu cầu &lt;b&gt;" in get(client).get_data(as_text=True)

    def test_latency_of_what_was_asked(self, client):
        """The metrics are of the whole process: other tests may have searched thousands of times before."""

        def searches() -> int:
            said = text(get(client)).partition("Thời gian trả lời")[2].partition("Những lần")[0]
            found = re.search(r"Tìm kiếm ([\d.]+) [\d.,]+ (ms|giây) [\d.,]+ (ms|giây)", said)
            return int(found[1].replace(".", "")) if found else 0

        before = searches()
        client.get("/search?q=công nhân")
        assert searches() == before + 1

    def test_in_english(self, client):
        assert "Snapshots" in text(get(client, PAGE + "?lang=en"))


class TestRollingBack:
    def test_asked_first_then_done_then_shown(self, client, home, caplog):
        old, new = home.ids()
        page = get(client, f"{PAGE}/rollback?to={old}")
        assert "nhiều hơn 1 bài" in text(page)
        assert home.current() == new
        with caplog.at_level(logging.WARNING):
            done = client.post(f"{PAGE}/rollback", data={"to": old, "seen": new}, headers=LOCAL)
        assert (done.status_code, home.current()) == (303, old)
        assert f"rolled the archive back from snapshot {new} to {old}" in caplog.text
        assert f"Đã quay về bản {old}" in text(get(client, done.location))

    def test_not_where_another_was_published_meanwhile(self, client, home, publish):
        old, new = home.ids()
        publish(home.path, LINES[:6])
        newest = home.current()
        done = client.post(f"{PAGE}/rollback", data={"to": old, "seen": new}, headers=LOCAL)
        assert (done.status_code, home.current()) == (409, newest)
        assert "another one was published meanwhile" in text(done)

    def test_not_to_one_that_is_damaged(self, client, home):
        old, new = home.ids()
        (home.directory(old) / "segment-0" / "summaries.jsonl").write_text("x")
        done = client.post(f"{PAGE}/rollback", data={"to": old, "seen": new}, headers=LOCAL)
        assert (done.status_code, home.current()) == (409, new)

    def test_not_while_a_build_holds_the_home(self, client, home):
        old, new = home.ids()
        with home.lock():
            done = client.post(f"{PAGE}/rollback", data={"to": old, "seen": new}, headers=LOCAL)
        assert (done.status_code, home.current()) == (409, new)

    @pytest.mark.parametrize("wanted", ["", "..", "20260101T000000000000Z-00000000"])
    def test_not_to_what_is_none(self, client, home, wanted):
        assert get(client, f"{PAGE}/rollback?to={wanted}").status_code == 404
        new = home.current()
        done = client.post(f"{PAGE}/rollback", data={"to": wanted, "seen": new}, headers=LOCAL)
        assert (done.status_code, home.current()) == (404, new)

    def test_only_with_a_key_of_scope_ingest(self, client, home):
        old, new = home.ids()
        token = signed_in(client, home, "newsroom", "rules")
        assert "Quay về bản này" not in text(get(client))
        assert get(client, f"{PAGE}/rollback?to={old}").status_code == 403
        form = {"to": old, "seen": new, "csrf": token}
        assert client.post(f"{PAGE}/rollback", data=form, headers=LOCAL).status_code == 403
        assert home.current() == new

    def test_with_one_and_the_forms_token_under_its_name(self, client, home, caplog):
        old, new = home.ids()
        token = signed_in(client, home, "newsroom", "ingest")
        form = {"to": old, "seen": new}
        client.post(f"{PAGE}/rollback", data=form | {"csrf": "x"}, headers=LOCAL)
        assert home.current() == new
        client.post(f"{PAGE}/rollback", data=form | {"csrf": token}, headers=LOCAL)
        assert home.current() == old
        assert "Lụa rolled the archive back" in caplog.text


def test_roll_back_itself(home):
    old, new = home.ids()
    assert roll_back(home, old, new, "Tịnh") == old == home.current()
