"""The service without the parts that it can do without: all else answers, their addresses are not there."""

import subprocess
import sys
import time
from pkgutil import resolve_name

import pytest
from lxml import html

from service import cli
from service.answers.endpoints import Endpoint
from service.app import create_app
from service.clicks import log as click_log
from service.commands import upkeep
from service.extras import EXTRAS
from service.judging import judgements
from service.pages.shared import Views
from service.wording.newsroom import WordsWithTabs
from service.writes import purging
from tests.test_structure import ROOT

LINES = [
    {"id": "gom", "title": "Lò gốm đỏ lửa", "section": "Nghề", "published_at": "2026-03-01"},
    {"id": "cam", "title": "Cam sành được mùa", "section": "Nghề", "published_at": "2026-03-02"},
]
HTML = {"Accept": "text/html"}
KEPT = (
    *("/", "/search?q=gốm", "/articles/gom", "/newsroom/", "/newsroom/draft", "/newsroom/articles"),
    *("/newsroom/articles/gom", "/newsroom/index"),
    *("/healthz", "/readyz", "/api/v1/search?q=gốm", "/api/v1/articles/gom/related"),
)
OWN = (
    *("/newsroom/query", "/newsroom/judge?q=gốm", "/newsroom/judgements", "/newsroom/judgements/qrels.tsv"),
    *("/newsroom/synonyms", "/newsroom/map", "/newsroom/map/points", "/newsroom/map/hubs", "/newsroom/map/hubs.csv"),
    "/api/v1/clicks",
)
MODULES = (
    *("service.judging", "service.pages.judging", "service.wording.judging", "service.wording.query"),
    *("service.vocabulary", "service.pages.vocabulary", "service.wording.vocabulary"),
    *("service.overview", "service.pages.mapping", "service.wording.map"),
    *("service.comparison", "service.pages.comparing", "service.wording.comparison"),
    *("service.clicks", "service.pages.counting", "service.ranking.interleaving"),
)


@pytest.fixture(scope="module")
def whole(client_of):
    return client_of(LINES, clicks=True)


@pytest.fixture(scope="module")
def bare(whole):
    """Return a client of the same service with none of the parts."""
    held = whole.application
    return create_app(held.config["SETTINGS"], held.extensions["lienquan"], extras=()).test_client()


@pytest.mark.parametrize("path", KEPT)
def test_all_else_answers(bare, path):
    assert bare.get(path, headers=HTML).status_code == 200


@pytest.mark.parametrize("path", OWN)
def test_their_addresses_are_theirs_alone(whole, bare, path):
    assert bare.get(path, headers=HTML).status_code == 404
    assert whole.get(path, headers=HTML).status_code != 404 or path == "/newsroom/map/points"  # of so few there is none


def test_a_form_of_theirs_is_not_taken(bare):
    assert bare.post("/newsroom/synonyms").status_code == 404
    assert bare.post("/newsroom/judge").status_code == 404


@pytest.mark.parametrize("path", [path for path in KEPT if path.startswith("/newsroom/")])
def test_nothing_links_to_them(bare, path):
    page = bare.get(path, headers=HTML).text
    own = tuple(one.partition("?")[0] for one in OWN)
    assert [href for href in html.fromstring(page).xpath("//@href | //@action") if href.startswith(own)] == []


def test_a_block_is_compared_only_with_the_part(whole, bare):
    shown = ['id="compared"' in client.get("/newsroom/articles/gom").text for client in (whole, bare)]
    assert shown == [True, False]


@pytest.mark.parametrize("extra", EXTRAS, ids=lambda extra: extra.name)
def test_each_can_be_left_out_alone(whole, extra):
    held = whole.application
    others = [one for one in EXTRAS if one is not extra]
    client = create_app(held.config["SETTINGS"], held.extensions["lienquan"], extras=others).test_client()
    assert {path: client.get(path, headers=HTML).status_code for path in KEPT} == dict.fromkeys(KEPT, 200)


@pytest.mark.parametrize("extra", EXTRAS, ids=lambda extra: extra.name)
def test_each_names_what_is_there(extra):
    assert isinstance(resolve_name(extra.views), Views)
    assert extra.tabs is None or issubclass(resolve_name(extra.tabs), WordsWithTabs)
    assert {resolve_name(place).name for place in extra.commands} <= set(cli.main.commands)
    assert {resolve_name(place).name for place in extra.reports} <= set(upkeep.report.commands)
    assert extra.endpoints is None or all(isinstance(one, Endpoint) for one in resolve_name(extra.endpoints))


def test_an_application_without_them_imports_none_of_their_modules(whole):
    home = whole.application.config["SETTINGS"].home
    code = f"""
import pathlib, sys, time
sys.modules.update(dict.fromkeys({MODULES!r}))
from models.hashing import HashingEncoder
from service.app import create_app
from service.live import Live
from service.settings import Settings
from service.writes import purging
home = pathlib.Path({str(home)!r})
live = Live(home, HashingEncoder).start()
while live.not_ready() is not None:
    time.sleep(0.01)
settings = Settings(home=home, model="hashing", open_newsroom=True, clicks=True)
client = create_app(settings, live, extras=()).test_client()
print(*(client.get(path, headers={HTML!r}).status_code for path in {KEPT!r}))
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    assert done.stdout.split() == ["200"] * len(KEPT)


class TestClicks:
    """What the part adds elsewhere: to an answer, to the API's document, to the home page."""

    def test_lists_are_counted_only_with_the_part(self, whole, bare):
        assert ["list" in client.get("/api/v1/articles/gom/related").json for client in (whole, bare)] == [True, False]

    def test_nothing_is_taken_without_it(self, whole, bare):
        answers = [client.post("/api/v1/clicks", data=b"{}") for client in (whole, bare)]
        assert [answer.status_code for answer in answers] == [400, 404]

    def test_the_api_s_document_has_its_operation_only_with_it(self, whole, bare):
        with_it, without = (client.get("/api/v1/openapi.json").json for client in (whole, bare))
        assert set(with_it["paths"]) - set(without["paths"]) == {"/api/v1/clicks"}
        assert set(with_it["components"]["schemas"]) - set(without["components"]["schemas"]) == {
            "ClickEvent",
            "ClicksBody",
        }
        assert ["post_api_v1_clicks" in client.get("/api/docs").text for client in (whole, bare)] == [True, False]

    def test_the_home_page_says_what_is_read_only_with_it(self, whole, bare):
        hour = int(time.time()) // 3600 * 3600
        log = click_log.ClickLog(whole.application.config["SETTINGS"].home / click_log.FILE, 30, 50, int)
        for _ in range(click_log.LEAST_CLICKS):
            log.note(click_log.ListPosition(hour, "gom", 1, "cam", "meaning"), clicked=True)
        log.write()
        shown = []
        for client in (whole, bare):
            held = client.application.extensions
            held["lienquan_front_pages"].refresh(held["lienquan"].searcher())
            shown.append('class="read"' in client.get("/", headers=HTML).text)
        assert shown == [True, False]


def test_what_they_wrote_is_purged_without_them():
    assert dict(purging._LOGS) | {"clicks": click_log.FILE, "judgements": judgements.FILE} == dict(purging._LOGS)
