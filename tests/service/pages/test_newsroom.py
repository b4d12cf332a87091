"""The draft page: who may see it, what it shows, what it never gives away, and the lists that one copies."""

import json
import logging
import re
from typing import get_args
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import html
from markdown_it import MarkdownIt

from service.app import MAX_BODY
from service.errors import BadRequest, NotReady
from service.hits import Numbers
from service.newsroom import drafts, picks
from service.newsroom.drafts import DraftForm
from service.newsroom.link_lists import FORMATS, LinkedArticle, lines
from service.ranking.presets import PRESETS, FreshnessName
from service.rules.applied import MissingReason
from service.security.local import refusal
from service.wording.drafts import DraftWords
from service.wording.judging import JudgingWords
from service.wording.map import MapWords
from service.wording.newsroom import NewsroomWords
from service.wording.strings import Strings
from service.wording.vocabulary import VocabularyWords

VI, EN = (Strings.in_language(code) for code in ("vi", "en"))

PAGE = "/newsroom/draft"
HTML = {"Accept": "text/html"}
SCRIPT = "<script>alert('vỡ')</script>"
SECRET = "hồ sơ mật về bể phốt nhà máy"

LONG = (
    "Sáng qua, tổ thợ gốm Lũng Vài nhóm lửa cho mẻ gốm đầu tiên sau hai năm tắt lò vì thiếu củi và thiếu người. "
    "Cụ Vừ Chả Sính, tám mươi tuổi, ngồi canh lửa suốt đêm và dặn lũ trẻ không được để khói trắng quá lâu. "
    "Mẻ này có ba trăm chiếc bát, một nửa đã có người đặt mua từ phiên chợ tháng trước ở thị trấn Pả Dền."
)
NAMES = ("men xanh", "nung củi", "bát cổ", "chum sành", "ngói vảy", "ấm trà", "tượng voi", "lọ hoa")
LINES = [
    {
        "id": "lo-gom",
        "title": "Lò gốm Lũng Vài đỏ lửa trở lại",
        "lead": "Sau hai năm tắt lò, tổ thợ gốm Lũng Vài nung mẻ đầu tiên.",
        "body": LONG,
        "url": "https://bao.example/lo-gom.html?a=1&b=2",
        "section": "Đời sống",
        "published_at": "2023-11-07T17:04:00",
    },
    {
        "id": "hop tac/xa".replace("/", "?"),
        "title": "Hợp tác xã gốm Lũng Vài [ảnh] | tìm đường bán hàng",
        "lead": "Mười hai thợ gốm góp vốn mở hợp tác xã.",
        "url": "javascript:alert(1)",
        "section": "Kinh tế",
        "published_at": "2023-12-01T09:00:00",
    },
    {"id": "xau", "title": f"{SCRIPT} lò gốm", "lead": f"{SCRIPT} lời dẫn", "section": SCRIPT},
    {"id": "mai", "title": "Lò gốm ngày mai", "section": "Mật", "published_at": "2100-01-01"},
    *({"id": f"mau-{at}", "title": f"gốm {name}", "section": "Mẫu"} for at, name in enumerate(NAMES)),
]


@pytest.fixture(scope="module")
def client(client_of):
    return client_of(LINES, min_related=0)


def send(client, lang="", headers=(), peer="127.0.0.1", **form):
    """Send the form as a browser on this machine would."""
    return client.post(
        PAGE + lang,
        data=form,
        content_type="multipart/form-data",
        headers={**HTML, "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin", **dict(headers)},
        environ_base={"REMOTE_ADDR": peer},
    )


def tree(response):
    return html.fromstring(response.get_data(as_text=True))


def text(node):
    return " ".join(node.text_content().split())


# Who may see it


@pytest.mark.parametrize(
    ("peer", "mine"),
    [
        *((peer, True) for peer in ("127.0.0.1", "127.8.9.10", "::1", "::ffff:127.0.0.1", "0:0:0:0:0:0:0:1")),
        *((peer, False) for peer in ("203.0.113.9", "10.0.0.1", "128.0.0.1", "0.0.0.0", "::ffff:10.0.0.1", "fe80::1")),
        *((peer, False) for peer in (None, "", "localhost", "127.0.0.1, 203.0.113.9", "/run/x.sock", "127.1")),
    ],
)
def test_only_this_machine(peer, mine):
    found = refusal("GET", peer, "HTTP/1.1", {"Host": "localhost"}.get)
    assert (found is None) is mine
    assert mine or found.field == "peer"


@pytest.mark.parametrize("protocol", ["HTTP/1.1", "HTTP/2", None])
def test_a_proxy_s_old_protocol_is_refused(protocol):
    assert refusal("GET", "127.0.0.1", protocol, {"Host": "localhost"}.get) is None
    assert refusal("GET", "127.0.0.1", "HTTP/1.0", {"Host": "localhost"}.get).value == "'HTTP/1.0'"


@pytest.mark.parametrize(
    "host", ["localhost", "localhost:8000", "LocalHost:1", "127.0.0.1", "127.0.0.1:65535", "[::1]", "[::1]:8000"]
)
def test_the_names_of_this_machine(host):
    assert refusal("GET", "127.0.0.1", "HTTP/1.1", {"Host": host}.get) is None
    assert refusal("POST", "127.0.0.1", "HTTP/1.1", {"Host": host, "Origin": f"http://{host}"}.get) is None


@pytest.mark.parametrize(
    "host",
    [
        *("", "bao.example", "localhost.bao.example", "127.0.0.1.nip.example", "localhost:", "localhost:x", "::1"),
        *(
            "localhost@bao.example",
            "localhost:80@bao.example",
            "localhost\n",
            "localhost, bao.example",
            "127.0.0.1:999999",
        ),
        *("localhost:٨", "0.0.0.0", "[::1", "2130706433"),
    ],
)
def test_other_names_may_be_another_site_s(host):
    assert refusal("GET", "127.0.0.1", "HTTP/1.1", {"Host": host}.get).field == "Host"


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"X-Forwarded-For": "203.0.113.9"}, "X-Forwarded-For"),
        ({"X-Forwarded-For": "127.0.0.1"}, "X-Forwarded-For"),
        ({"X-Forwarded-For": ""}, "X-Forwarded-For"),
        ({"Forwarded": "for=127.0.0.1"}, "Forwarded"),
        ({"X-Forwarded-Host": "localhost"}, "X-Forwarded-Host"),
        ({"X-Forwarded-Proto": "http"}, "X-Forwarded-Proto"),
        ({"X-Real-IP": "127.0.0.1"}, "X-Real-IP"),
        ({"Via": "1.1 gateway"}, "Via"),
    ],
)
def test_a_proxy_makes_every_reader_local(headers, named, client):
    assert refusal("GET", "127.0.0.1", "HTTP/1.1", ({"Host": "localhost"} | headers).get).field == named
    assert client.get(PAGE, headers=HTML | headers).status_code == 403
    assert send(client, headers=headers, title="gốm").status_code == 403


@pytest.mark.parametrize(
    ("headers", "named"),
    [
        ({"Origin": "https://bao.example"}, "Origin"),
        ({"Origin": "null"}, "Origin"),
        ({"Origin": ""}, "Origin"),
        ({"Origin": "http://localhost:3000"}, "Origin"),
        ({"Origin": "http://localhost.bao.example"}, "Origin"),
        ({"Origin": "http://127.0.0.1:8000"}, "Origin"),  # another name of this machine is another site
        ({"Sec-Fetch-Site": "cross-site"}, "Sec-Fetch-Site"),
        ({"Sec-Fetch-Site": "same-site"}, "Sec-Fetch-Site"),
        ({"Origin": "http://localhost:8000", "Sec-Fetch-Site": "cross-site"}, "Sec-Fetch-Site"),
    ],
)
def test_only_its_own_form_may_send(headers, named):
    given = {"Host": "localhost:8000"} | headers
    assert refusal("POST", "127.0.0.1", "HTTP/1.1", given.get).field == named
    assert (
        refusal("GET", "127.0.0.1", "HTTP/1.1", given.get) is None
    )  # a link from elsewhere may lead to the empty form


@pytest.mark.parametrize(
    "headers", [{}, {"Origin": "http://localhost:8000"}, {"Origin": "HTTP://Localhost:8000", "Sec-Fetch-Site": "none"}]
)
def test_what_may_send(headers):
    assert refusal("POST", "127.0.0.1", "HTTP/1.1", ({"Host": "localhost:8000"} | headers).get) is None


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"environ_base": {"REMOTE_ADDR": "203.0.113.9"}}, "203.0.113.9"),
        ({"headers": HTML | {"X-Forwarded-For": "127.0.0.1"}}, "X-Forwarded-For"),
        ({"headers": HTML | {"Host": "bao.example"}}, "bao.example"),
    ],
)
@pytest.mark.parametrize(("lang", "words"), [("", VI), ("?lang=en", EN)])
def test_whoever_may_not_is_told_why(client, options, reason, lang, words):
    for method in (client.get, client.post):
        response = method(PAGE + lang, **{"headers": HTML, **options})
        page = tree(response)
        assert (response.status_code, response.mimetype) == (403, "text/html")
        assert words.errors[403][0] in text(page)
        assert reason in text(page.xpath("//details[@open]")[0])
        assert not page.xpath("//form[@method='post']")


def test_a_refused_draft_is_not_read(client):
    response = send(client, peer="203.0.113.9", title="x" * (MAX_BODY + 1))
    assert response.status_code == 403  # not 413


# The form


def test_the_empty_form(client):
    response = client.get(PAGE, headers=HTML)
    page = tree(response)
    assert (response.status_code, response.mimetype) == (200, "text/html")
    assert response.headers["Cache-Control"] == "no-store"
    (form,) = page.xpath("//form[@method='post']")
    assert (form.get("action"), form.get("enctype"), form.get("autocomplete")) == (
        f"{PAGE}#result",
        "multipart/form-data",
        "off",
    )
    fields = {field.get("name") for field in form.xpath(".//input | .//textarea | .//select")}
    assert fields == set(DraftForm.model_fields)
    for field in form.xpath(".//input[not(@type='radio')] | .//textarea | .//select"):
        assert text(form.xpath(f".//label[@for='{field.get('id')}']")[0])
    sections = form.xpath(".//select[@name='section']/option/@value")
    assert sections == ["", SCRIPT, "Kinh tế", "Mẫu", "Đời sống"]  # and not that of an article under embargo
    assert form.xpath(".//select[@name='preset']/option/@value") == [*PRESETS]
    assert form.xpath(".//select[@name='freshness']/option/@value") == ["", *get_args(FreshnessName)]
    assert not page.xpath("//ol/li")


def test_every_choice_and_number_has_its_words():
    words = DraftWords.in_language("vi")
    assert set(words.presets) == set(PRESETS)
    assert set(words.freshness_ways) == {"", *get_args(FreshnessName)}
    assert set(words.formats) == set(get_args(DraftForm.model_fields["format"].annotation))
    assert set(VI.missing) == set(get_args(MissingReason))
    assert set(VI.numbers) == {"score", *Numbers.__dataclass_fields__}


def test_what_was_sent_stands_in_the_form_again(client):
    sent = {
        **{"title": "Lò gốm “Lũng Vài”", "lead": "\nmột & hai", "body": "</textarea><b>gốm</b>", "format": "html"},
        **{"section": "Kinh tế", "preset": "headlines", "freshness": "evergreen"},
    }
    (form,) = tree(send(client, **sent)).xpath("//form[@method='post']")
    assert form.xpath(".//input[@name='title']/@value") == [sent["title"]]
    assert form.xpath(".//input[@checked]/@value") == ["html"]
    for name in ("section", "preset", "freshness"):
        assert form.xpath(f".//select[@name='{name}']/option[@selected]/@value") == [sent[name]]
    source = send(client, **sent).get_data(as_text=True)
    assert ">\n\nmột &amp; hai</textarea>" in source  # a browser drops the first line break alone
    assert "&lt;/textarea&gt;&lt;b&gt;gốm&lt;/b&gt;</textarea>" in source


def test_a_section_that_the_archive_does_not_have_is_kept(client):
    page = tree(send(client, title="gốm", section="Sắp mở"))
    assert page.xpath("//select[@name='section']/option[@selected]/@value") == ["Sắp mở"]


@pytest.mark.parametrize("form", [{}, {"title": " \n "}, {"body": "<p> </p>", "format": "html"}])
@pytest.mark.parametrize(("lang", "code"), [("", "vi"), ("?lang=en", "en")])
def test_an_empty_draft(client, form, lang, code):
    response = send(client, lang, **form)
    assert response.status_code == 400
    assert DraftWords.in_language(code).empty in text(tree(response).xpath("//*[@role='alert']")[0])
    assert not tree(response).xpath("//*[@autofocus]")  # the form's address leads to what is wrong, "#result"
    assert response.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"title": "x" * 2001}, "title"),
        ({"lead": "x" * 20_001}, "lead"),
        ({"title": "a", "preset": "lạ"}, "preset"),
        ({"title": "a", "format": "pdf"}, "format"),
        ({"title": "a", "freshness": "old"}, "freshness"),
        ({"title": "a", "colour": "đỏ"}, "colour"),
        ({"title": ["a", "b"]}, "title"),
    ],
)
def test_a_form_that_is_not_as_expected_names_the_field_and_keeps_what_was_typed(client, form, field):
    response = send(client, **{"body": "thân bài", **form})
    page = tree(response)
    assert response.status_code == 400
    assert field in page.xpath("//*[@role='alert']//code/text()")
    assert "thân bài" in text(page.xpath("//textarea[@name='body']")[0])


def test_a_draft_that_is_too_long(client):
    response = send(client, body="x" * (MAX_BODY + 1))
    assert response.status_code == 413
    assert VI.errors[413][0] in text(tree(response))
    assert send(client, body="gốm " * (MAX_BODY // 8)).status_code == 200  # letters are not sent threefold


def test_before_the_first_snapshot(client_of):
    client = client_of()
    assert client.get(PAGE, headers=HTML).status_code == 503
    assert send(client, title="gốm").status_code == 503


def test_a_draft_outlasts_an_encoder_that_is_not_ready(client, monkeypatch):
    def not_ready(*_):
        raise NotReady("the encoder is being loaded")

    monkeypatch.setattr("service.searcher.Searcher.related", not_ready)
    response = send(client, title="Lò gốm", body="thân bài")
    page = tree(response)
    assert response.status_code == 503
    assert "the encoder is being loaded" in text(page.xpath("//*[@role='alert']")[0])
    assert text(page.xpath("//textarea[@name='body']")[0]) == "thân bài"


# The list


def test_what_would_be_linked_and_why(client):
    page = tree(send(client, title="Hợp tác xã gốm Lũng Vài", lead="Thợ gốm góp vốn"))
    items = page.xpath("//ol[@class='hits']/li")
    assert len(items) == PRESETS["standard"].limit
    (first,) = [item for item in items if "tìm đường bán hàng" in text(item)]
    assert first.xpath(".//h3/a/@href") == ["/articles/hop%20tac%3Fxa"]
    for words in ("Kinh tế", "01/12/2023", "Mười hai thợ gốm góp vốn", "Mức liên quan: "):
        assert words in text(first)
    reasons = [text(one) for one in first.xpath(".//p[@class='meta'][2]/span")][:-1]
    assert reasons
    told = {re.sub(r"\{.*", "", words) for words in VI.reasons.values()}
    assert all(any(reason.startswith(words) for words in told) for reason in reasons)
    numbers = {text(row[0]): text(row[1]) for row in first.xpath(".//details//dl/div")}
    assert set(numbers) == {words for name, words in VI.numbers.items() if name != "rules"}
    assert all(re.fullmatch(r"-?\d+,\d{3}", value) for value in numbers.values())
    assert "mai" not in " ".join(page.xpath("//ol//a/@href"))


def test_in_english(client):
    page = tree(send(client, "?lang=en", title="Hợp tác xã gốm Lũng Vài"))
    assert page.get("lang") == "en"
    assert DraftWords.in_language("en").links in text(page)
    assert page.xpath("//form[@method='post']/@action") == [f"{PAGE}?lang=en#result"]
    assert re.search(r"\d\.\d{3}", text(page.xpath("//dl")[0]))
    assert all("lang=en" in href for href in page.xpath("//ol//a/@href"))


def test_the_other_language_takes_the_draft_along(client):
    assert tree(client.get(PAGE)).xpath("//nav[@class='languages']/a/@href") == ["?lang=en"]
    page = tree(send(client, title="gốm"))
    (button,) = page.xpath("//nav[@class='languages']/button")
    assert (button.get("form"), button.get("formaction")) == ("draft", "?lang=en")
    assert page.xpath("//form[@id='draft']")
    assert not page.xpath("//nav[@class='languages']/a")


@pytest.mark.parametrize("preset", PRESETS)
def test_presets_are_as_long_as_they_say(client, preset):
    page = tree(send(client, title="Lò gốm Lũng Vài", section="Mẫu", preset=preset))
    assert 1 <= len(page.xpath("//ol[@class='hits']/li")) <= PRESETS[preset].limit


def test_the_section_counts(client):
    page = tree(send(client, title="Cháy kho giấy", section="Mẫu", preset="same-section-newest"))
    assert [text(one) for one in page.xpath("//ol//p//*[@class='section']")] == ["Mẫu"] * 6
    assert VI.reasons["same_section_newest"] in text(page.xpath("//ol")[0])


def test_what_is_published_already(client):
    page = tree(send(client, title="Lò gốm Lũng Vài lại đỏ lửa", body=LONG))
    (box,) = page.xpath("//section[@aria-labelledby='published']")
    assert box.xpath(".//a/@href") == ["/articles/lo-gom"]
    assert "07/11/2023 17:04" in text(box)
    assert "/articles/lo-gom" not in page.xpath("//ol//a/@href")
    assert not tree(send(client, title="Hợp tác xã gốm")).xpath("//section[@aria-labelledby='published']")


def test_nothing_to_link_to(client_of):
    page = tree(send(client_of(LINES, min_related=1, fallbacks=["none"]), title="Cháy kho giấy"))
    assert DraftWords.in_language("vi").no_links in text(page)
    assert page.xpath("//section[@id='mine']/@hidden")


def test_pins_and_those_that_are_missing(client_of, tmp_path):
    rules = tmp_path / "rules.jsonl"
    pins = [("p1", "mau-7", 1), ("p2", "mai", 2), ("p3", "<b>khong", 3)]
    lines = [{"id": name, "kind": "pin", "article": article, "position": at} for name, article, at in pins]
    rules.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    page = tree(send(client_of(LINES, rules=rules), title="Lò gốm Lũng Vài"))
    first = page.xpath("//ol/li[1]")[0]
    assert first.xpath(".//h3/a/@href") == ["/articles/mau-7"]
    assert VI.reasons["pinned"] in text(first)
    assert text(first.xpath(".//dl/div[last()]")[0]) == f"{VI.numbers['rules']}p1"
    missing = [text(one) for one in page.xpath("//section[@aria-labelledby='missing']//li")]
    assert missing == [
        VI.missing_pin.format(rule="p2", article="mai", reason=VI.missing["not public"]),
        VI.missing_pin.format(rule="p3", article="<b>khong", reason=VI.missing["no such article"]),
    ]


def test_markup_in_articles_and_drafts_is_text(client):
    page = tree(send(client, title=f"{SCRIPT} lò gốm", lead=SCRIPT, body=SCRIPT, section=SCRIPT))
    scripts = [address.rsplit("/", 1)[1] for address in page.xpath("//script/@src")]
    assert sorted(scripts) == ["copy.js", "draft.js", "search.js", "theme.js"]
    assert not page.xpath("//script/text() | //style | //*[@style] | //@*[starts-with(name(), 'on')]")


def test_articles_have_their_reasons_under_them(client):
    found = tree(client.get("/articles/lo-gom")).xpath("//aside[@class='related']//li//p[@class='meta'][2]")
    assert len(found) == 6
    assert all(text(reasons) for reasons in found)


# The lists that one copies


def test_the_lists_link_to_the_newspaper_s_own_pages_else_to_ours(client):
    page = tree(send(client, title="Hợp tác xã gốm Lũng Vài lò gốm đỏ lửa", freshness="none"))
    written, marked = (page.xpath(f"//textarea[@id='{name}']")[0] for name in ("html", "markdown"))
    assert written.get("readonly") is not None
    for box in (written, marked):
        assert page.xpath(f"//label[@for='{box.get('id')}']")
    links = dict(zip(*(html.fromstring(written.text).xpath(path) for path in ("//a/text()", "//a/@href")), strict=True))
    assert links["Lò gốm Lũng Vài đỏ lửa trở lại"] == LINES[0]["url"]
    assert links[LINES[1]["title"]] == "/articles/hop%20tac%3Fxa"
    assert links[LINES[2]["title"]] == "/articles/xau"
    titles = [text(one) for one in page.xpath("//ol//h3")]
    assert [*links] == titles
    assert dict(read_markdown(marked.text)) == links


def as_html(links):
    return FORMATS["html"].whole([lines(link)["html"] for link in links])


def as_markdown(links):
    return FORMATS["markdown"].whole([lines(link)["markdown"] for link in links])


def test_html_by_hand():
    links = [LinkedArticle('a < b & "c"', 'https://bao.example/?x=1&y="'), LinkedArticle("một\nhai", "/articles/2")]
    assert as_html(links) == (
        '<ul>\n  <li><a href="https://bao.example/?x=1&amp;y=&quot;">a &lt; b &amp; &quot;c&quot;</a></li>\n'
        '  <li><a href="/articles/2">một hai</a></li>\n</ul>\n'
    )


@pytest.mark.parametrize(
    ("title", "href", "expected"),
    [
        ("Lò gốm", "https://bao.example/x", "- [Lò gốm](https://bao.example/x)\n"),
        ("[ảnh] a|b", "https://bao.example/x", "- [\\[ảnh\\] a\\|b](https://bao.example/x)\n"),
        ("x", "https://bao.example/a_(b)", "- [x](https://bao.example/a_%28b%29)\n"),
        ("x", "https://bao.example/?a=|<>", "- [x](https://bao.example/?a=%7C%3C%3E)\n"),
        ("x", "https://bao.example/?a=1&copy;=2&b=3", "- [x](https://bao.example/?a=1&amp;copy;=2&b=3)\n"),
        ("H&M, a &lt; b", "/articles/1", "- [H&M, a \\&lt; b](/articles/1)\n"),
        ("Giá (ở chợ): 5$!", "/articles/1", "- [Giá (ở chợ): 5$!](/articles/1)\n"),
        ("- x\n\n# y", "/articles/1", "- [- x # y](/articles/1)\n"),
    ],
)
def test_markdown_by_hand(title, href, expected):
    assert as_markdown([LinkedArticle(title, href)]) == expected


def read_markdown(source):
    """Return title and address of every link, as a Markdown library of others reads them."""
    page = html.fromstring(f"<div>{MarkdownIt('commonmark').enable('table').render(source)}</div>")
    assert [item.tag for item in page.xpath("./ul/li/*")] == ["a"] * len(page.xpath("//li"))
    return [(link.text_content(), link.get("href")) for link in page.xpath("//a")]


TITLES = st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1).map(
    lambda title: " ".join(title.split())
)
ADDRESSES = st.text(st.sampled_from("ab/?=&;.-_~()[]<>|*!'\"`#$+,:@%copyđ")).map("https://bao.example/{}".format)


@given(st.lists(st.tuples(TITLES.filter(bool), ADDRESSES), min_size=1, max_size=3))
def test_any_title_and_address_come_out_of_markdown_and_html_as_they_went_in(pairs):
    links = [LinkedArticle(title, href) for title, href in pairs]
    expected = [(title, unquote(href)) for title, href in pairs]
    assert [(title, unquote(href)) for title, href in read_markdown(as_markdown(links))] == expected
    page = html.fromstring(as_html(links))
    assert [(link.text_content(), link.get("href")) for link in page.xpath("//li/a")] == pairs


@given(TITLES.filter(bool), ADDRESSES)
def test_a_markdown_list_may_stand_in_a_table(title, href):
    (line,) = as_markdown([LinkedArticle(title, href)]).splitlines()
    table = f"| x | y |\n| - | - |\n| {line[2:]} | z |\n"
    page = html.fromstring(MarkdownIt("commonmark").enable("table").render(table))
    assert [cell.text_content() for cell in page.xpath("//td")] == [title, "z"]


def test_json_by_hand():
    made = [lines(LinkedArticle("a\n“b”", "/articles/1", {"id": "1", "lead": None}))["json"] for _ in range(2)]
    assert (
        json.loads(FORMATS["json"].whole(made))
        == [{"title": "a\n“b”", "url": "/articles/1", "id": "1", "lead": None}] * 2
    )
    assert json.loads(FORMATS["json"].whole([])) == []


# The editor's own list


@pytest.mark.parametrize(
    ("form", "expected"),
    [
        ({}, []),
        ({"pick": ["b", "a"], "tick": ["c", "a"]}, ["b", "a", "c"]),
        ({"pick": ["a", "b", "c"], "up": ["c"]}, ["a", "c", "b"]),
        ({"pick": ["a", "b", "c"], "up": ["a"]}, ["a", "b", "c"]),
        ({"pick": ["a", "b", "c"], "down": ["a"]}, ["b", "a", "c"]),
        ({"pick": ["a", "b", "c"], "down": ["c"]}, ["a", "b", "c"]),
        ({"pick": ["a", "b", "c"], "drop": ["b"]}, ["a", "c"]),
        ({"pick": ["a"], "drop": ["x"], "up": [""], "down": ["y"]}, ["a"]),
        ({"pick": [str(at) for at in range(99)]}, [str(at) for at in range(picks.MOST)]),
    ],
)
def test_the_list_after_a_button(form, expected):
    given = form | {"title": ["x"]}
    assert picks.taken(given) == expected
    assert given == {"title": ["x"]}


def chosen(page):
    return page.xpath("//ol[@id='mine-list']/li/@data-id")


def test_a_ticked_article_is_in_the_list_and_stays_while_the_draft_changes(client):
    first = tree(send(client, title="Hợp tác xã gốm Lũng Vài lò gốm"))
    assert chosen(first) == []
    boxes = first.xpath("//input[@type='checkbox'][@form='draft'][@name='tick']/@value")
    assert boxes == first.xpath("//ol[@class='hits']/li//template/li/@data-id")
    second, one, third = boxes[:3]
    page = tree(send(client, title="Lò gốm", tick=[one, second]))
    again = tree(send(client, title="Hợp tác xã gốm Lũng Vài lò gốm", pick=chosen(page), tick=third))
    assert chosen(page) == [one, second]
    assert chosen(again) == [one, second, third]
    (box,) = again.xpath(f"//input[@type='checkbox'][@value='{third}']")
    assert (box.get("checked"), box.get("name")) == ("checked", None)  # or it would be sent twice
    assert again.xpath("//ol[@id='mine-list']//input[@name='pick'][@form='draft']/@value") == chosen(again)
    copied = json.loads(again.xpath("//textarea[@id='json']")[0].text)
    assert [line["id"] for line in copied] == chosen(again)
    assert chosen(tree(send(client, title="gốm", pick=chosen(again), up=third))) == [one, third, second]


def test_the_list_outlasts_a_draft_that_cannot_be_answered_and_names_what_is_gone(client):
    page = tree(send(client, pick=["lo-gom", "mai", "<b>khong"]))
    assert chosen(page) == ["lo-gom"]
    assert DraftWords.in_language("vi").gone.format(ids="mai, <b>khong") in text(page)
    assert not page.xpath("//section[@id='mine']/@hidden")


# What it never gives away


def test_a_draft_is_in_no_log_and_in_no_address(client, caplog):
    caplog.set_level(logging.DEBUG)
    for form in ({"title": SECRET}, {"title": SECRET, "preset": SECRET}, {"body": f"<p>{SECRET}", "format": "html"}):
        response = send(client, **form)
        assert SECRET in response.get_data(as_text=True)
        assert response.headers["Cache-Control"] == "no-store"
        assert response.location is None
        assert not [href for href in tree(response).xpath("//@href | //@action") if SECRET.split()[0] in unquote(href)]
    assert SECRET not in caplog.text


def test_a_fault_of_ours_does_not_log_the_draft_s_text(client_of, caplog, monkeypatch):
    client = client_of(LINES, min_related=0)
    monkeypatch.setattr("service.newsroom.picks.lines", lambda linked: {}["lạ"])
    response = send(client, title=f"gốm {SECRET}")
    assert response.status_code == 500
    assert SECRET not in response.get_data(as_text=True)
    assert "KeyError" in caplog.text
    assert SECRET not in caplog.text


def test_its_policy_is_that_of_all_pages(client):
    common = client.get("/").headers["Content-Security-Policy"]
    for response in (client.get(PAGE), send(client, title="gốm")):
        assert response.headers["Content-Security-Policy"] == common
        assert response.headers["Referrer-Policy"] == "same-origin"
    with client.get("/static/0/copy.js") as response:
        assert (response.status_code, response.mimetype) == (200, "text/javascript")


@pytest.mark.parametrize("method", ["put", "delete", "patch"])
def test_other_methods(client, method):
    assert getattr(client, method)(PAGE).status_code == 405


def test_a_form_is_parsed_without_a_server():
    body = drafts.parse({"title": ["Lò gốm"], "format": ["html"], "body": ["<p>một</p>"], "freshness": [""]})
    assert (body.seed.article.body_html, body.seed.article.body) == ("<p>một</p>", None)
    assert (body.freshness, body.preset, body.explain) == (None, "standard", True)
    with pytest.raises(BadRequest, match="draft: nothing: expected a title"):
        drafts.parse({})


class TestMenu:
    @pytest.mark.parametrize("code", ["vi", "en"])
    def test_every_page_of_it_is_there_and_says_where_one_is(self, client_of, code):
        client = client_of([{"id": "a", "title": "Lò gốm đỏ lửa"}])
        home = client.get(f"/newsroom/?lang={code}", headers=HTML)
        assert home.status_code == 200
        tabs = tree(home).xpath("//nav[@class='tabs']//a")
        draft, blocks, operations = (tab.name for tab in NewsroomWords.in_language(code).tabs.values())
        added = [kind.in_language(code).tabs for kind in (JudgingWords, VocabularyWords, MapWords)]
        parts = [tab.name for words in added for tab in words.values()]
        assert [tab.text for tab in tabs] == [draft, blocks, *parts, operations]
        assert [node.text for node in tree(home).xpath("//dl//a")] == [tab.text for tab in tabs]
        for tab in tabs:
            page = client.get(tab.get("href"), headers=HTML)
            assert page.status_code == 200
            current = tree(page).xpath("//nav[@class='tabs']//a[@aria-current='page']")
            assert [node.text for node in current] == [tab.text]
