"""The service without the parts that it can do without: all else answers, their addresses are not there."""

import subprocess
import sys
from pkgutil import resolve_name

import pytest
from lxml import html

from service import cli
from service.app import create_app
from service.clicks import log as click_log
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
)
MODULES = (
    *("service.judging", "service.pages.judging", "service.wording.judging", "service.wording.query"),
    *("service.vocabulary", "service.pages.vocabulary", "service.wording.vocabulary"),
    *("service.overview", "service.pages.mapping", "service.wording.map"),
    *("service.comparison", "service.pages.comparing", "service.wording.comparison"),
)


@pytest.fixture(scope="module")
def whole(client_of):
    return client_of(LINES)


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


def test_an_application_without_them_imports_none_of_their_modules():
    code = f"""
import sys
sys.modules.update(dict.fromkeys({MODULES!r}))
from service.app import create_app
from service.settings import Settings
from service.writes import purging
"""
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True)


def test_what_they_wrote_is_purged_without_them():
    assert dict(purging._LOGS) | {"clicks": click_log.FILE, "judgements": judgements.FILE} == dict(purging._LOGS)
