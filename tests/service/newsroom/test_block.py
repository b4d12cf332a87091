"""An article's block: what the rules do to it, what is left out and why, and how rules are changed from its page."""

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote, unquote, urlencode

import pytest
from lxml import html

from service.errors import BadRequest, CannotWrite
from service.hits import Fate
from service.newsroom import block, rule_form
from service.related import relating as related
from service.rules import file as rule_file
from service.rules.lines import make, parse
from service.security.keys import KeyStore
from service.wording.block import BlockWords
from service.wording.strings import Strings

VI, EN = (Strings.in_language(code) for code in ("vi", "en"))

HTML = {"Accept": "text/html", "Origin": "http://localhost"}
FAR = {"REMOTE_ADDR": "203.0.113.9"}
ODD = "gốm 100% & <b>?a=1#2\\3%2F"
SCRIPT = "<script>alert('vỡ')</script>"
WORDS = BlockWords.in_language("vi")
SOON = (datetime.now(UTC) + timedelta(days=2)).isoformat()

NAMES = ("men xanh", "nung củi", "bát cổ", "chum sành", "ngói vảy", "ấm trà", "tượng voi", "lọ hoa", "bình vôi")
LINES = [
    {
        "id": "lo-gom",
        "title": "Lò gốm Lũng Vài đỏ lửa trở lại",
        "lead": "Tổ thợ gốm Lũng Vài nung mẻ gốm đầu tiên.",
        "url": "https://bao.example/lo-gom.html",
        "section": "Đời sống",
        "published_at": "2023-11-07T17:04:00",
    },
    *(
        {
            "id": f"mau-{at}",
            "title": f"gốm Lũng Vài {name}",
            "section": "Đời sống" if at % 2 else "Mẫu",
            "published_at": f"2023-11-0{at % 6 + 1}",
        }
        for at, name in enumerate(NAMES)
    ),
    {"id": ODD, "title": f"{SCRIPT} lò gốm Lũng Vài", "section": "Lạ", "published_at": "2023-11-06"},
    {"id": "mai", "title": "Lò gốm Lũng Vài ngày mai đỏ lửa", "section": "Mẫu", "published_at": SOON},
    {"id": "xa", "title": "Bóng đá đêm qua", "section": "Thể thao", "published_at": "2023-11-07"},
]


def line(**fields):
    made = make(fields)
    assert not isinstance(made, list), made
    return made


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "rules.jsonl"
    path.write_bytes(b"# by hand\n")
    return path


@pytest.fixture(scope="module")
def shared(client_of, tmp_path_factory):
    """Return a client, and where its rules are."""
    path = tmp_path_factory.mktemp("rules") / "rules.jsonl"
    path.write_bytes(b"")
    return client_of(LINES, min_related=0.004, rules=path), path


@pytest.fixture
def client(shared):
    client, path = shared
    path.write_bytes(b"")
    return client


@pytest.fixture
def rules(shared):
    return shared[1]


@pytest.fixture
def searcher(client):
    return client.application.extensions["lienquan"].searcher()


def page_of(article_id="lo-gom", **more):
    return f"/newsroom/articles/{quote(article_id, safe='')}" + (f"?{urlencode(more)}" if more else "")


def get(client, path):
    return client.get(path, headers={"Accept": "text/html"})


def tree(response):
    return html.fromstring(response.get_data(as_text=True))


def text(node):
    return " ".join(node.text_content().split())


def listed(page):
    return [text(one) for one in page.xpath("//section[@aria-labelledby='list']//ol/li//h3")]


def form_of(page):
    (form,) = page.xpath("//main//form[@method='post']")
    return form.get("action"), dict(form.form_values())


def ids(answer):
    return [hit.article.id for hit in answer.hits]


# What rules do


def test_what_a_pin_does_is_the_list_without_it(searcher, rules):
    under = searcher.article("lo-gom")
    plain = ids(block.block(searcher, under, "standard").answer)
    assert len(plain) == 6
    assert "xa" not in plain
    rule_file.add(rules, line(kind="pin", article="xa", position=2, id="p", **{"for": {"ids": ["lo-gom"]}}))
    found = block.block(searcher, under, "standard")
    assert ids(found.answer) == [plain[0], "xa", *plain[1:5]]
    (effect,) = found.effects
    assert (effect.rule.id, effect.period) == ("p", "in force")
    assert [(one.article.id, one.position, one.before) for one in effect.does.came] == [("xa", 2, None)]
    assert [(one.article.id, one.position, one.before) for one in effect.does.left] == [(plain[5], None, 6)]
    assert [(one.article.id, one.before, one.position) for one in effect.does.moved] == [
        (name, at, at + 1) for at, name in enumerate(plain[1:5], 2)
    ]


def test_rules_are_told_nearest_first_and_those_that_do_nothing_too(searcher, rules):
    lines = [
        line(kind="block", tag="quảng cáo", id="all"),
        line(kind="block", article="mau-1", id="section", **{"for": {"sections": ["đời  SỐNG"]}}),
        line(kind="pin", article="mau-2", position=1, id="own", **{"for": {"ids": ["lo-gom"]}}),
        line(kind="pin", article="mau-2", position=1, id="other", **{"for": {"ids": ["xa"]}}),
        line(kind="block", article="mau-3", id="over", until="2020-01-01"),
    ]
    for one in lines:
        rule_file.add(rules, one)
    found = block.block(searcher, searcher.article("lo-gom"), "standard")
    assert [(one.rule.id, one.period) for one in found.effects] == [
        ("own", "in force"),
        ("section", "in force"),
        ("all", "in force"),
        ("over", "over"),
    ]
    by_id = {one.rule.id: one.does for one in found.effects}
    assert by_id["over"] is None
    assert not by_id["all"]
    assert [one.article.id for one in by_id["section"].left] == ["mau-1"] or by_id["section"].moved


def test_of_too_many_rules_it_is_said_that_it_was_not_worked_out(searcher, rules, monkeypatch):
    monkeypatch.setattr(block, "MOST_EFFECTS", 1)
    for at in range(3):
        rule_file.add(rules, line(kind="block", tag=f"t{at}"))
    found = block.block(searcher, searcher.article("lo-gom"), "standard")
    assert [one.does is None for one in found.effects] == [False, True, True]


def test_why_near_articles_are_not_there(searcher, rules):
    under = searcher.article("lo-gom")
    first = ids(block.block(searcher, under, "standard").answer)[0]
    rule_file.add(rules, line(kind="block", article=first, id="b"))
    found = block.block(searcher, under, "standard")
    fates = {one.article.id: one.fate for one in found.left_out}
    assert fates["mai"] == Fate("embargo")
    assert fates[first].step == "blocked"
    assert fates[first].numbers.rules == ("b",)
    assert not set(fates) & {"lo-gom", *ids(found.answer)}
    assert all(fate.step in WORDS.steps for fate in fates.values())
    assert "mai" not in ids(found.answer)


def test_the_mask_of_what_is_public_is_left_alone(searcher):
    public = searcher.public()
    block.block(searcher, searcher.article("lo-gom"), "standard")
    assert searcher.public() is public
    assert searcher.archive.find("mai", searcher.public()) is None


def test_every_step_and_name_has_its_words():
    steps = set(re.findall(r'_watch\.after\("(\w+)"', Path(related.__file__).read_text(encoding="utf-8")))
    assert len(steps) >= 12
    assert set(WORDS.steps) >= steps | {"embargo", "not_public"}
    assert set(WORDS.caps) == {"event", "section", "source", "author"}
    assert set(WORDS.presets) == set(block.REFERENCES)
    assert set(WORDS.lists) == {"article", "section", "all"}


# The form


def test_the_rules_are_those_of_the_command_line(searcher):
    under = searcher.article("lo-gom")

    def rule(**given):
        return rule_form.rule_of(rule_form.parse({name: [value] for name, value in given.items()}), under, "mau-1")

    assert rule(do="pin", position="2") == line(kind="pin", article="mau-1", position=2, **{"for": {"ids": ["lo-gom"]}})
    assert rule(do="block", lists="section", until="2030-01-31", why="bão") == line(
        kind="block", article="mau-1", until="2030-01-31", note="bão", **{"for": {"sections": ["Đời sống"]}}
    )
    assert rule(do="block", lists="all") == line(kind="block", article="mau-1")
    assert rule(do="block", lists="all", why="x").id == rule(do="block", lists="all").id


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "do"),
        ({"do": "boost"}, "do"),
        ({"do": "pin", "position": "0"}, "position"),
        ({"do": "pin", "position": "51"}, "position"),
        ({"do": "pin", "lists": "x"}, "lists"),
        ({"do": "pin", "colour": "x"}, "colour"),
        ({"do": "pin", "until": "mai"}, "until"),
    ],
)
def test_what_is_wrong_is_named(client, given, field):
    response = get(client, page_of(**{"do": "", "article": "mau-1", **given}))
    assert response.status_code == 400
    assert field in text(tree(response))


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"do": "remove", "rule": "khong"}, "expected the id of a rule"),
        ({"do": "pin", "article": "xa", "position": 2}, "expected a rule that is not there yet"),
        ({"do": "block", "article": "mau-1", "lists": "section"}, "expected an article that has a section"),
    ],
)
def test_a_change_that_cannot_be_is_said_on_its_page(client_of, tmp_path, given, told):
    path = tmp_path / "rules.jsonl"
    rule = line(kind="pin", article="xa", position=2, **{"for": {"ids": ["lo-gom"]}})
    path.write_text(rule.line() + "\n", encoding="utf-8")
    lines = [{name: value for name, value in one.items() if name != "section"} for one in LINES[:3] + LINES[-1:]]
    response = get(client_of(lines, min_related=0, rules=path), page_of(**given))
    page = tree(response)
    assert response.status_code == 400
    assert told.removeprefix("expected ") in text(page.xpath("//*[@role='alert']")[0])
    assert not page.xpath("//main//form[@method='post']")


@pytest.mark.parametrize("article", ["", " ", "https://khac.example/x", "\x00", "zzz qqq"])
def test_what_names_no_article_leads_to_no_rule(client, rules, article):
    response = get(client, page_of(do="pin", article=article))
    assert response.status_code == 200
    assert not tree(response).xpath("//main//form[@method='post']")
    assert WORDS.none_found in response.text or article == "zzz qqq"
    assert get(client, f"/newsroom/articles?{urlencode({'q': article})}").status_code == 200


@pytest.mark.parametrize("preset", block.REFERENCES)
def test_every_block_of_the_page_has_its_own(client, preset):
    page = tree(get(client, page_of(preset=preset)))
    assert page.xpath("//nav[@class='pick']/a[@aria-current]/text()")[0] == WORDS.presets[preset]
    assert page.xpath("//main//form//input[@name='preset']/@value")[0] == preset


def test_saving_says_what_is_there_already_and_what_cannot_be_written(path):
    rule, author = line(kind="block", article="a"), rule_file.Author("x")
    rule_form.save(path, rule, author)
    with pytest.raises(BadRequest, match="expected an id of its own"):
        rule_form.save(path, rule, author)
    with pytest.raises(BadRequest, match="expected the id of a rule"):
        rule_form.save(path, "khong", author)
    with pytest.raises(CannotWrite):
        rule_form.save(path.parent, rule, author)
    assert [one.id for one in rule_file.read(path).rules] == [rule.id]


def test_the_history_says_who_when_and_why(path):
    rule = line(kind="block", article="a", id="r")
    before = datetime.now(UTC) - timedelta(seconds=1)
    rule_file.add(path, rule, rule_file.Author("Bàn thời sự", "bão\nsố 3"))
    rule_file.remove(path, "r", rule_file.Author("Bàn đêm"))
    path.write_bytes(path.read_bytes() + b"#: {\n#: []\n#:\n")
    added, removed = rule_file.history(path)
    assert (added.by, added.did, added.id, added.why, added.rule) == ("Bàn thời sự", "added", "r", "bão\nsố 3", None)
    assert (removed.by, removed.did, removed.why) == ("Bàn đêm", "removed", None)
    assert removed.rule == json.loads(rule.line())
    assert before <= added.at <= removed.at <= datetime.now(UTC)
    assert path.read_bytes().startswith(b"# by hand\n")
    assert parse(path.read_bytes(), "x").rules == parse(path.read_bytes(), "x").problems == ()


# The pages


def test_an_article_is_found_by_id_url_and_title(client):
    for typed in ("lo-gom", "https://bao.example/lo-gom.html"):
        assert get(client, f"/newsroom/articles?q={typed}").location == page_of()
    assert get(client, "/newsroom/articles?q=lo-gom&lang=en").location == page_of(lang="en")
    page = tree(get(client, "/newsroom/articles?q=gốm tượng voi"))
    assert page_of("mau-6") in page.xpath("//ul[@class='hits']//h3/a/@href")
    assert WORDS.none_found not in text(page)
    assert get(client, "/newsroom/articles?q=mai").status_code == 200  # and leads to nothing that is not public
    assert page_of("mai") not in get(client, "/newsroom/articles?q=Lò gốm Lũng Vài ngày mai").text
    assert tree(get(client, "/newsroom/articles?q=%20")).xpath("//input[@id='typed']/@value") == [""]


def test_the_page_shows_list_rules_and_what_is_left_out(client, rules):
    rule_file.add(rules, line(kind="pin", article="xa", position=1, id="p"), rule_file.Author("Bàn đêm", "vì thế"))
    page = tree(get(client, page_of()))
    assert listed(page)[0] == "Bóng đá đêm qua"
    told = text(page.xpath("//li[@id='rule-p']")[0])
    assert "Ghim “Bóng đá đêm qua” ở vị trí 1" in told
    assert WORDS.came.format(title="Bóng đá đêm qua", position=1) in told
    assert "Bàn đêm thêm p – vì thế" in text(page.xpath("//details[@class='history']")[0])
    out = text(page.xpath("//section[@aria-labelledby='left-out']")[0])
    assert "Lò gốm Lũng Vài ngày mai đỏ lửa hẹn giờ đăng" in out
    assert "/articles/mai" not in get(client, page_of()).text
    assert page.xpath("//nav[@class='tabs']//a[@aria-current='page']/text()") == ["Khối bài"]
    assert page.xpath("//a[@href='#rule-p']")


def test_an_odd_id_and_markup(client, rules):
    rule_file.add(rules, line(kind="block", source=SCRIPT, note=SCRIPT), rule_file.Author(SCRIPT, SCRIPT))
    response = get(client, page_of(ODD))
    page = tree(response)
    assert response.status_code == 200
    assert not page.xpath("//script/text()")
    assert SCRIPT in text(page.xpath("//h1")[0])
    assert response.headers["Cache-Control"] == "no-store"
    assert all(unquote(action).startswith(unquote(page_of(ODD))) for action in page.xpath("//main//form/@action"))


def test_what_is_not_public_has_no_page(client):
    for name in ("mai", "khong", "a/b"):
        assert get(client, f"/newsroom/articles/{name}").status_code == 404


def test_public_pages_know_nothing_of_it(client):
    response = client.get("/articles/lo-gom")
    assert "/newsroom" not in response.text


def test_a_pin_is_seen_before_it_is_saved_and_counts_at_once(client, rules):
    before = listed(tree(get(client, page_of())))
    preview = tree(get(client, page_of(do="pin", article="xa", position=2)))
    assert rules.read_bytes() == b""
    assert WORDS.came_change.format(title="Bóng đá đêm qua", position=2) in text(preview)
    sides = [[text(one) for one in side.xpath(".//li")] for side in preview.xpath("//div[@class='lists']/section")]
    assert [re.sub(" (−|[0-9] → [0-9])$", "", one) for one in sides[0]] == before
    assert sides[1][1] == "Bóng đá đêm qua +"
    action, fields = form_of(preview)
    saved = client.post(action, data=fields | {"why": "đá hay"}, headers=HTML)
    assert saved.status_code == 303
    (rule,) = rule_file.read(rules).rules
    assert (rule.kind, rule.article, rule.position, rule.note) == ("pin", "xa", 2, "đá hay")
    (entry,) = rule_file.history(rules)
    assert (entry.by, entry.why) == (WORDS.nobody, "đá hay")
    page = tree(get(client, saved.location))
    assert WORDS.saved in text(page.xpath("//p[@role='status']")[0])
    assert listed(page)[1] == "Bóng đá đêm qua"
    answer = client.get("/api/v1/articles/lo-gom/related").get_json()
    assert answer["hits"][1]["id"] == "xa"
    assert listed(tree(get(client, page_of("mau-1")))).count("Bóng đá đêm qua") == 0  # under this article alone


def test_every_worker_follows_at_once(client, rules, client_of):
    other = client_of(LINES, min_related=0.004, rules=rules)
    for position in (1, 3, 2):
        assert "xa" not in [hit["id"] for hit in other.get("/api/v1/articles/lo-gom/related").get_json()["hits"]]
        action, fields = form_of(tree(get(client, page_of(do="pin", article="xa", position=position))))
        client.post(action, data=fields, headers=HTML)
        assert other.get("/api/v1/articles/lo-gom/related").get_json()["hits"][position - 1]["id"] == "xa"
        (rule,) = rule_file.read(rules).rules
        action, fields = form_of(tree(get(other, page_of(do="remove", rule=rule.id))))
        other.post(action, data=fields, headers=HTML)
        assert rule_file.read(rules).rules == ()


def test_a_block_and_a_removal(client, rules):
    first = tree(get(client, page_of())).xpath("//section[@aria-labelledby='list']//input[@name='article']/@value")[0]
    action, fields = form_of(tree(get(client, page_of(do="block", article=first, lists="all", until="2099-01-31"))))
    assert client.post(action, data=fields, headers=HTML).status_code == 303
    (rule,) = rule_file.read(rules).rules
    assert (rule.kind, rule.article, rule.scope, str(rule.until)) == ("block", first, None, "2099-01-31")
    assert first not in [hit["id"] for hit in client.get("/api/v1/articles/lo-gom/related").get_json()["hits"]]
    preview = tree(get(client, page_of(do="remove", rule=rule.id)))
    assert "Bỏ quy tắc: Chặn bài" in text(preview)
    action, fields = form_of(preview)
    assert client.post(action, data=fields | {"why": "nhầm"}, headers=HTML).status_code == 303
    assert rule_file.read(rules).rules == ()
    assert [(one.did, one.why) for one in rule_file.history(rules)] == [("added", None), ("removed", "nhầm")]
    history = tree(get(client, page_of())).xpath("//details[@class='history']//li")
    assert len(history) == 2 or "bỏ" in text(history[0])


def test_words_for_an_article_to_pin_lead_to_a_choice(client):
    page = tree(get(client, page_of(do="pin", article="gốm tượng voi", position=3)))
    forms = page.xpath("//section[@aria-labelledby='which']//form")
    assert forms
    assert not page.xpath("//main//form[@method='post']")
    fields = dict(forms[0].form_values())
    assert (fields["do"], fields["position"]) == ("pin", "3")
    assert "mau-6" in page.xpath("//button[@name='article']/@value")


def test_rules_that_changed_meanwhile_are_looked_at_again(client, rules):
    action, fields = form_of(tree(get(client, page_of(do="pin", article="xa", position=1))))
    other = line(kind="block", tag="x")
    rule_file.add(rules, other)
    late = client.post(action, data=fields | {"why": "giữ lại"}, headers=HTML)
    assert late.status_code == 409
    assert [one.id for one in rule_file.read(rules).rules] == [other.id]
    page = tree(late)
    assert WORDS.rules_changed in text(page.xpath("//*[@role='alert']")[0])
    action, fields = form_of(page)
    assert fields["why"] == "giữ lại"
    assert client.post(action, data=fields, headers=HTML).status_code == 303


def test_what_cannot_be_written_is_said(client, rules, monkeypatch):
    action, fields = form_of(tree(get(client, page_of(do="pin", article="xa", position=1))))

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rule_file, "add", full)
    response = client.post(action, data=fields, headers=HTML)
    assert response.status_code == 503
    assert WORDS.unsaved in text(tree(response))
    assert "No space left" in response.text
    assert rules.read_bytes() == b""


def test_both_ways_beside_each_other(client):
    page = tree(get(client, page_of()))
    newest, related = page.xpath("//section[@id='compared' or @aria-labelledby='compared']//section")
    assert "Mới nhất: Đời sống" in text(newest)
    then = [text(one) for one in newest.xpath(".//li/p[@class='link']")]
    assert then
    assert all("gốm Lũng Vài" in one for one in then)
    assert re.search(r"(cùng ngày|trước \d+(,\d)? ngày)", text(related))
    now = tree(get(client, page_of(when="now")))
    assert now.xpath("//section[@aria-labelledby='compared']//a[@aria-current]/text()") == [WORDS.whens["now"]]
    assert get(client, page_of(when="x")).status_code == 400


def test_an_article_that_cannot_be_compared(client_of):
    client = client_of([{"id": "a", "title": "Lò gốm đỏ lửa"}, {"id": "b", "title": "Lò gốm tắt lửa"}], min_related=0)
    page = tree(get(client, "/newsroom/articles/a"))
    assert WORDS.nothing_to_compare in text(page)
    assert WORDS.no_file in text(page)
    assert not page.xpath("//main//form")
    refused = client.post("/newsroom/articles/a", data={"do": "remove", "rule": "x"}, headers=HTML)
    assert refused.status_code == 403


def test_in_english(client):
    page = tree(get(client, page_of(lang="en")))
    assert BlockWords.in_language("en").list in text(page)
    assert EN.brand in text(page)
    assert page.xpath("//main//form//input[@name='lang']/@value")


# Who may


class TestScopes:
    @pytest.fixture
    def service(self, client_of, tmp_path):
        path = tmp_path / "rules.jsonl"
        path.write_bytes(b"")
        client = client_of(LINES, min_related=0, rules=path)
        store = KeyStore(client.application.config["SETTINGS"].home)
        store.create("Xem", ["newsroom"])
        return client.application, store, path

    @staticmethod
    def signed_in(app, text, wanted=""):
        client = app.test_client()
        form = tree(client.get("/newsroom/sign-in", headers={"Accept": "text/html"}, environ_base=FAR))
        fields = {"csrf": form.xpath("//input[@name='csrf']/@value")[0], "key": text, "next": wanted}
        answer = client.post("/newsroom/sign-in", data=fields, headers=HTML, environ_base=FAR)
        assert answer.status_code == 303
        return client, answer.location

    def test_without_the_scope_there_is_no_button_and_no_way(self, service):
        app, store, path = service
        _, key = store.create("Xem", ["newsroom"])
        client, _ = self.signed_in(app, key)
        page = client.get(page_of(), environ_base=FAR)
        assert WORDS.no_scope in page.text
        assert not tree(page).xpath("//main//form")
        token = tree(page).xpath("//input[@name='csrf']/@value")[0]
        fields = {"csrf": token, "do": "block", "article": "xa", "seen": parse(b"", "x").revision}
        refused = client.post(page_of(), data=fields, headers=HTML, environ_base=FAR)
        assert refused.status_code == 403
        assert "scope rules" in refused.text
        assert path.read_bytes() == b""

    def test_with_it_the_key_is_named(self, service):
        app, store, path = service
        made, key = store.create("Bàn đêm", ["newsroom", "rules"])
        client, _ = self.signed_in(app, key)
        preview = tree(client.get(page_of(do="block", article="xa", lists="all"), environ_base=FAR))
        action, fields = form_of(preview)
        stale = client.post(action, data=fields | {"csrf": "x", "why": "giữ"}, headers=HTML, environ_base=FAR)
        assert (stale.status_code, path.read_bytes()) == (403, b"")
        assert VI.form_stale in stale.text
        action, fields = form_of(tree(stale))
        assert fields["why"] == "giữ"
        assert client.post(action, data=fields, headers=HTML, environ_base=FAR).status_code == 303
        (entry,) = rule_file.history(path)
        assert entry.by == f"Bàn đêm ({made.id})"
        foreign = client.post(action, data=fields, headers=HTML | {"Origin": "https://xau.example"}, environ_base=FAR)
        assert foreign.status_code == 403

    def test_signing_in_leads_back_to_an_article_with_an_odd_id(self, service):
        app, store, _ = service
        asked = app.test_client().get(page_of(ODD), headers={"Accept": "text/html"}, environ_base=FAR)
        assert asked.status_code == 303
        form = tree(app.test_client().get(asked.location, headers={"Accept": "text/html"}, environ_base=FAR))
        assert form.xpath("//input[@name='next']/@value") == [page_of(ODD)]
        client, location = self.signed_in(app, store.create("x", ["newsroom"])[1], page_of(ODD))
        assert location == page_of(ODD)
        assert client.get(location, environ_base=FAR).status_code == 200

    def test_a_session_that_is_over_shows_nothing(self, service):
        app, store, path = service
        made, key = store.create("x", ["newsroom", "rules"])
        client, _ = self.signed_in(app, key)
        action, fields = form_of(tree(client.get(page_of(do="block", article="xa"), environ_base=FAR)))
        store.revoke(made.id)
        late = client.post(action, data=fields, headers=HTML, environ_base=FAR)
        assert (late.status_code, path.read_bytes()) == (303, b"")
        assert late.location.startswith("/newsroom/sign-in?next=")
