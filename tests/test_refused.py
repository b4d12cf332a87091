"""Who is refused, and what nobody is told: one table of writes and callers, one of hidden articles and ways to ask.

`test_access`, `test_sign_in`, `test_embargo` and `test_takedown` look into each of these; here every one meets every
other, and what is not refused shows that the way leads somewhere.
"""

import json
from dataclasses import dataclass, field
from urllib.parse import quote

import pytest

from indexer.changes.journal import Journal
from service.answers import openapi
from service.security.keys import KeyStore
from tests.service.writes.test_writing import PATH, Service
from tests.test_embargo import HIDDEN_FIELDS, HTML, TEXT, UNACCENTED, WORDS
from tests.test_embargo import LINES as EMBARGOED

BULK = "/api/v1/articles:bulk"
XAU = "https://xau.example"

# Writes


WRITES = {
    "put": ("PUT", f"{PATH}moi", {"id": "moi", "title": "Tin mới"}),
    "replace": ("PUT", f"{PATH}khac", {"id": "khac", "title": "Tin bị sửa"}),
    "delete": ("DELETE", f"{PATH}khac", None),
    "bulk": ("POST", BULK, {"op": "delete", "id": "khac"}),
}
CALLERS = {
    "nobody": (401, {}),
    "an empty key": (401, {"Authorization": "Bearer "}),
    "a key that is none": (401, {"Authorization": "Bearer lq_" + "0" * 12 + "_" + "a" * 43}),
    "a key cut short": (401, {"Authorization": "Bearer {cut}"}),
    "a key as a password": (401, {"Authorization": "Basic {ingest}"}),
    "a key in a cookie": (401, {"Cookie": "Authorization=Bearer {ingest}; lienquan_newsroom={ingest}"}),
    "a key in another header": (401, {"X-Api-Key": "{ingest}", "Proxy-Authorization": "Bearer {ingest}"}),
    "a revoked key": (401, {"Authorization": "Bearer {revoked}"}),
    "a key for rules": (403, {"Authorization": "Bearer {rules}"}),
    "a key for the newsroom": (403, {"Authorization": "Bearer {newsroom}"}),
    "another origin": (403, {"Authorization": "Bearer {ingest}", "Origin": XAU}),
    "no origin that can be named": (403, {"Authorization": "Bearer {ingest}", "Origin": "null"}),
    "another port": (403, {"Authorization": "Bearer {ingest}", "Origin": "http://localhost:3000"}),
    "another site, says the browser": (403, {"Authorization": "Bearer {ingest}", "Sec-Fetch-Site": "cross-site"}),
    "a neighbour, says the browser": (403, {"Authorization": "Bearer {ingest}", "Sec-Fetch-Site": "same-site"}),
    "the method in a header": (401, {"X-HTTP-Method-Override": "DELETE"}),
}


@pytest.fixture(scope="module")
def written(publish, tmp_path_factory):
    home = tmp_path_factory.mktemp("written")
    publish(home, EMBARGOED[:3])
    made = Service(home, processes=1, cors_origins=["https://cms.bao.example"])
    made.client.environ_base.pop("HTTP_AUTHORIZATION")
    store = KeyStore(home)
    made.keys = {scope: store.create(scope, [scope])[1] for scope in ("ingest", "rules", "newsroom")}
    key, made.keys["revoked"] = store.create("x", ["ingest"])
    store.revoke(key.id)
    made.keys["cut"] = made.keys["ingest"][:-1]
    yield made
    made.stop()


def send(service, write, headers):
    method, path, body = WRITES[write]
    data = b"" if body is None else json.dumps(body).encode()
    return service.client.open(path, method=method, data=data, headers=headers)


class TestWrites:
    @pytest.mark.parametrize("write", WRITES)
    @pytest.mark.parametrize("caller", CALLERS)
    def test_each_caller_is_refused_everywhere(self, written, write, caller):
        status, template = CALLERS[caller]
        headers = {name: value.format(**written.keys) for name, value in template.items()}
        before = Journal(written.home.path).last()
        response = send(written, write, headers)
        assert response.status_code == status
        assert response.mimetype == "application/problem+json"
        (named,) = [error["field"] for error in response.json["errors"]]
        assert named == next((name for name in ("Origin", "Sec-Fetch-Site") if name in headers), "Authorization")
        assert ("WWW-Authenticate" in response.headers) == (named == "Authorization")
        assert not any(key.split("_")[-1] in response.text for key in written.keys.values())
        assert Journal(written.home.path).last() == before
        assert written.client.get(f"{PATH}khac").json["title"] == EMBARGOED[1]["title"]

    @pytest.mark.parametrize("write", WRITES)
    def test_a_key_in_the_address_is_none(self, written, write):
        method, path, _ = WRITES[write]
        for name in ("key", "access_token", "authorization"):
            response = written.client.open(f"{path}?{name}={written.keys['ingest']}", method=method, data=b"")
            assert response.status_code == 401

    @pytest.mark.parametrize("write", WRITES)
    def test_no_other_site_s_page_may_even_ask(self, written, write):
        method, path, _ = WRITES[write]
        for origin in (XAU, "https://cms.bao.example"):
            asked = {"Origin": origin, "Access-Control-Request-Method": method}
            answer = written.client.options(path, headers=asked | {"Access-Control-Request-Headers": "authorization"})
            assert "authorization" not in answer.headers.get("Access-Control-Allow-Headers", "").lower()
            assert method not in answer.headers.get("Access-Control-Allow-Methods", "")

    def test_the_table_has_every_operation_that_needs_a_key_and_no_other_writes(self, written):
        secured = {
            (method.upper(), path)
            for path, methods in openapi.document()["paths"].items()
            for method, operation in methods.items()
            if "security" in operation
        }
        assert {
            (method, path.replace("/khac", "/{id}").replace("/moi", "/{id}")) for method, path, _ in WRITES.values()
        } == secured
        rules = written.client.application.url_map.iter_rules()
        changing = {
            (method, rule.rule.replace("<string:article_id>", "{id}"))
            for rule in rules
            for method in rule.methods - {"GET", "HEAD", "OPTIONS"}
            if not rule.rule.startswith("/newsroom")  # test_sign_in goes through these
        }
        reading = {("POST", "/api/v1/related"), ("POST", "/api/v1/related:batch")}
        assert changing - secured == {*reading, ("POST", "/api/v1/clicks")}  # which takes only lists that were given

    @pytest.mark.parametrize("write", ["put", "replace", "bulk", "delete"])
    def test_the_right_key_is_let_in(self, written, write):
        """After all the others: what they asked for can be done."""
        response = send(written, write, {"Authorization": f"Bearer {written.keys['ingest']}"})
        assert response.status_code in {200, 201, 204}


# Hidden articles

ID, ALIAS = "mat-bai", "zovenh-cu"
URL, OLD_URL = "https://bao.example/zovenh.html", "https://bao.example/zovenh-cu.html"
SECRET = {
    **{"id": ID, "title": f"Lò gốm đỏ lửa trở lại {WORDS}", "url": URL, "aliases": [ALIAS, OLD_URL]},
    **{"published_at": "2023-01-05", "image_url": "https://anh.example/zovenh.jpg", **HIDDEN_FIELDS},
}
MARKS = ("zơvênh", "zovenh", "kraxuân", "plôvịt", ID, "gốm xanh", "lhgx")
PAST, FUTURE = "2023-02-01", "2100-01-01"
RULES = [
    {"id": "p", "kind": "pin", "article": ID, "position": 1},
    {"id": "b", "kind": "boost", "article": ID, "factor": 10},
]


def take_down(service):
    Journal(service.home.path).take_down(ID, "Lan", "đơn của đương sự", [], [])


KINDS = {
    "indexed ahead of its time": ({"published_at": FUTURE}, None),
    "indexed after its time": ({"unpublish_at": PAST}, None),
    "deleted": ({}, lambda service: service.delete(ID)),
    "deleted by a bulk": ({}, lambda service: service.bulk({"op": "delete", "id": ID})),
    "put with its time over": ({}, lambda service: service.put(SECRET | {"unpublish_at": PAST})),
    "put ahead of its time": ({}, lambda service: service.put(SECRET | {"published_at": FUTURE})),
    "taken down": ({}, take_down),
}


@dataclass(frozen=True)
class Way:
    """One way to ask for it.

    :param status: How that is answered where there is no such article.
    :param asked: What of the question may stand in the answer.
    """

    path: str
    status: int = 200
    asked: tuple[str, ...] = ()
    body: object = None
    headers: dict[str, str] = field(default_factory=dict)


def search(query, **more):
    options = "".join(f"&{name}={quote(value)}" for name, value in more.items())
    return Way(f"/api/v1/search?q={quote(query)}&limit=100{options}", asked=(json.dumps(query, ensure_ascii=False),))


def related(seed, status=404, asked=(ID,), **more):
    return Way("/api/v1/related", status, asked, {"seed": seed, "limit": 50} | more)


FIELDS = {"section": "Zơvênh mục", "source": "Zơvênh Báo", "author": "Zơvênh Tác Giả", "tag": "zơvênh-thẻ"}
OTHER = "/api/v1/articles/cong-khai/related?limit=50"
WAYS = {
    "its id": Way(PATH + ID, 404, (ID,)),
    "its alias": Way(PATH + ALIAS, 404, (ALIAS,)),
    "its page": Way(f"/articles/{ID}", 404, (ID,), headers=HTML),
    "its page in English": Way(f"/articles/{ID}?lang=en", 404, (ID,), headers=HTML),
    "its alias's page": Way(f"/articles/{ALIAS}", 404, (ALIAS,), headers=HTML),
    "its related list": Way(f"{PATH}{ID}/related", 404, (ID,)),
    "its alias's related list": Way(f"{PATH}{ALIAS}/related", 404, (ALIAS,)),
    **{
        f"by {name}": Way(f"/api/v1/related?url={quote(url, safe='')}", 404, (url,))
        for name, url in {
            "its address": URL,
            "its old address": OLD_URL,
            "its address with tracking": f"{URL}?utm_source=x",
            "its address on a phone": URL.replace("https://", "http://m."),
        }.items()
    },
    **{
        f"search, {mode}, {ranking}, {sort}": search("lò gốm đỏ lửa", mode=mode, ranking=ranking, sort=sort)
        for mode in ("hybrid", "dense", "lexical")
        for ranking in ("relevance", "similarity")
        for sort in ("relevance", "newest")
    },
    "search for its words": search(WORDS, ranking="similarity"),
    "search for a phrase of it": search(f'"{WORDS}"'),
    "search without diacritics": search(UNACCENTED),
    "search for an abbreviation": search("LHGX"),
    "search for what it abbreviates": search("Liên hiệp Gốm Xanh"),
    "search on its day": search("lò gốm", published_from="2023-01-05", published_to="2023-01-05"),
    **{f"search by its {name}": search("gốm", **{name: value}) for name, value in FIELDS.items()},
    "facets": search("gốm"),
    **{
        f"suggestions for {typed}": Way(f"/api/v1/suggest?q={quote(typed)}&limit=20")
        for typed in ("zơvênh", "zovenh", "lò gốm đỏ", "liên hiệp", "lhgx", "z")
    },
    "related of another": Way(OTHER),
    "related of another, by similarity": Way(f"{OTHER}&ranking=similarity"),
    **{
        f"related of another, {preset}": Way(f"{OTHER}&preset={preset}&explain=true&min_relevance=0")
        for preset in ("inline-teasers", "headlines", "same-section-newest")
    },
    **{f"related by its {name}": Way(f"{OTHER}&{name}={quote(value)}") for name, value in FIELDS.items()},
    "why it is not there": Way(f"{OTHER}&explain_id={ID}"),
    "related of another, by batch": Way("/api/v1/related:batch?limit=50", body=[{"id": "cong-khai"}]),
    "a seed": related({"ids": [ID]}),
    "a seed among others": related({"ids": ["khac", ID]}),
    "a seed by alias": related({"ids": [ALIAS]}, asked=(ALIAS,)),
    "a seed to lead away from": related({"ids": ["khac"], "negative_ids": [ID]}),
    "a seed by address": related({"urls": [URL]}, asked=(URL,)),
    "a draft of the same words": related({"article": {"title": SECRET["title"], "body": TEXT}}, 200, (), explain=True),
    "a draft of its section": related(
        {"article": {"title": "Chuyện khác", "section": "Zơvênh mục"}}, 200, (), fallbacks=["same_section_newest"]
    ),
    "the search's page": Way("/search?q=l%C3%B2+g%E1%BB%91m", headers=HTML),
    "the search's page in English": Way("/search?q=l%C3%B2+g%E1%BB%91m&lang=en&sort=newest", headers=HTML),
    "another's page": Way("/articles/cong-khai", headers=HTML),
}


def ask(client, way):
    if way.body is None:
        return client.get(way.path, headers=way.headers)
    lines = way.body if isinstance(way.body, list) else [way.body]
    return client.post(way.path, data="\n".join(map(json.dumps, lines)), headers=way.headers, buffered=True)


def told(response, way):
    """Return what an answer tells of the article, beside what it was asked with."""
    found = (response.text + str(response.headers)).lower()
    for mine in sorted(map(str.lower, way.asked), key=len, reverse=True):
        found = found.replace(mine, "")
    return [mark for mark in MARKS if mark in found]


@pytest.fixture(scope="module")
def serve(publish, tmp_path_factory):
    """Return a function that serves the article, with the given fields, among others that are public."""
    started = []

    def make(**fields):
        home = tmp_path_factory.mktemp("hidden")
        rules = home.with_suffix(".rules")
        rules.write_text("".join(json.dumps(rule) + "\n" for rule in RULES), encoding="utf-8")
        publish(home, [*EMBARGOED[:3], SECRET | fields])
        least = {"min_related": 0}
        started.append(Service(home, 1, rules=rules, fallbacks=["same_section_newest", "newest"], **least))
        return started[-1]

    yield make
    for service in started:
        service.stop()


@pytest.fixture(scope="module")
def public(serve):
    return serve()


@pytest.fixture(scope="module", params=KINDS)
def hidden(request, serve):
    """Return a service that holds the article back, as soon as it was told to."""
    fields, hide = KINDS[request.param]
    service = serve(**fields)
    if hide is not None:
        hide(service)
    return service


@pytest.fixture(scope="module", params=[kind for kind, (_, hide) in KINDS.items() if hide])
def settled(request, serve):
    """Return the same once the change is in what is served."""
    service = serve()
    KINDS[request.param][1](service)
    service.ingest()
    return service


class TestHidden:
    @pytest.mark.parametrize("name", WAYS)
    def test_each_way_leads_to_it_while_it_is_public(self, public, name):
        way = WAYS[name]
        response = ask(public.client, way)
        assert response.status_code in {200, 301}, response.text
        assert way.status == 404 or told(response, way), response.text

    @pytest.mark.parametrize("name", WAYS)
    def test_and_to_nothing_once_it_is_hidden(self, hidden, name):
        self.check(hidden, WAYS[name])

    @pytest.mark.parametrize("name", WAYS)
    def test_nor_later(self, settled, name):
        self.check(settled, WAYS[name])

    @staticmethod
    def check(service, way):
        response = ask(service.client, way)
        assert response.status_code == way.status, response.text
        assert told(response, way) == []

    def test_it_is_as_if_there_were_none(self, hidden):
        batch = Way("/api/v1/related:batch", body=[{"id": ID}])
        for way in (*(WAYS[name] for name in ("its id", "its related list", "a seed", "why it is not there")), batch):
            other = Way(way.path.replace(ID, "khong-co"), body=json.loads(json.dumps(way.body).replace(ID, "khong-co")))
            found, none = ask(hidden.client, way), ask(hidden.client, other)
            assert found.status_code == none.status_code
            if found.status_code == 404 or way is batch:
                assert found.text.replace(ID, "khong-co") == none.text
            else:
                assert found.json["explained"] == none.json["explained"]

    def test_excluding_it_changes_nothing(self, hidden):
        lists = [
            [hit["id"] for hit in hidden.client.get(f"{OTHER}{more}").json["hits"]]
            for more in ("", f"&exclude_ids={ID}", f"&exclude_ids={ALIAS}")
        ]
        assert lists[0] == lists[1] == lists[2]

    def test_it_is_not_counted(self, hidden, public):
        assert hidden.client.get("/readyz").json["articles"] == public.client.get("/readyz").json["articles"] - 1 == 3
        assert hidden.client.get("/api/v1/search?q=gốm&ranking=similarity").json["total"] == 3

    def test_a_list_that_was_kept_no_longer_stands(self, serve):
        for fields, hide in KINDS.values():
            if hide is None:
                continue
            service = serve(**fields)
            kept = service.client.get(OTHER)
            assert ID in {hit["id"] for hit in kept.json["hits"]}
            hide(service)
            again = service.client.get(OTHER, headers={"If-None-Match": kept.headers["ETag"]})
            assert again.status_code == 200
            assert told(again, WAYS["related of another"]) == []
