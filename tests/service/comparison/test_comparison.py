"""The comparison: which articles, both lists and their figures by hand; the file it makes; the command."""

import json
import re
from datetime import datetime
from html.parser import HTMLParser

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from indexer.articles.article import validate
from models.hashing import HashingEncoder
from service.cli import main
from service.comparison import comparison, comparison_page
from service.comparison.comparison import ComparedLink, Comparison, LinkList, Pair, choose, figures, near_identical
from service.errors import NothingToCompare
from service.schemas import RelatedBody, Seed
from service.searcher import Searcher

SCRIPT = "<script>alert('x')</script> & \"gốm\""

# One section of five dated articles and one of two; only "nam" and "bon" have three others not after them.
LINES = [
    {"id": "mot", "title": "Lò gốm Lũng Vài đỏ lửa", "body": "một", "section": "Nghề", "published_at": "2024-03-01"},
    {"id": "hai", "title": "Chợ phiên Nà Khoang họp", "body": "hai", "section": "Nghề", "published_at": "2024-03-02"},
    {"id": "ba", "title": "Cam sành được mùa", "body": "ba", "section": "nghề ", "published_at": "2024-03-03"},
    {"id": "bon", "title": "Bão cuốn mái trường", "body": "bốn", "section": "Nghề", "published_at": "2024-03-05"},
    {"id": "nam", "title": "Lò gốm Lũng Vài đỏ lửa nung mẻ mới", "body": "năm", "section": "Nghề",
     "published_at": "2024-03-05T12:00"},
    {"id": "khac", "title": "Lò gốm Lũng Vài đỏ lửa nung mẻ", "section": "Đời sống", "published_at": "2024-03-04"},
    {"id": "sau", "title": "Lò gốm Lũng Vài nung mẻ mới", "section": "Đời sống", "published_at": "2024-03-06"},
    {"id": "khong-ngay", "title": "Lò gốm Lũng Vài đỏ lửa nung", "section": "Nghề"},
    {"id": "khong-muc", "title": "Mưa lớn ở vùng cao", "published_at": "2024-02-01"},
    {"id": "mai-sau", "title": "Lò gốm Lũng Vài mai sau", "section": "Nghề", "published_at": "2100-01-01"},
]  # fmt: skip


def article(**fields):
    made = validate({"id": "a", "title": "Tin", **fields})
    assert not isinstance(made, list), made
    return made


def link(days=0.0, relevance=0.0, same_event=False, duplicate=False, section=None):
    return ComparedLink(article(section=section), days, relevance, same_event, duplicate, False)


@pytest.fixture(scope="module")
def searcher(archive_of):
    return Searcher(archive_of(LINES), HashingEncoder)


@pytest.fixture(scope="module")
def compared(searcher):
    return comparison.compare(searcher, wanted=30, links=3)


def ids(links):
    return [link.article.id for link in links.links]


class TestLists:
    def test_who_is_compared(self, compared):
        assert [pair.article.id for pair in compared.pairs] == ["nam", "bon"]
        assert (compared.articles, compared.eligible, compared.wanted, compared.links) == (9, 2, 30, 3)

    def test_the_newest_of_the_section_when_the_article_came_out(self, compared):
        nam, bon = compared.pairs
        assert ids(nam.newest) == ["bon", "ba", "hai"]
        assert ids(bon.newest) == ["ba", "hai", "mot"]

    def test_what_lienquan_shows_of_what_was_out(self, compared):
        nam, _ = compared.pairs
        assert ids(nam.related)[:2] == ["khac", "mot"]
        assert not {"sau", "khong-ngay", "nam"} & set(ids(nam.related))
        assert len(nam.related.links) == 3

    def test_each_link(self, compared):
        nam, _ = compared.pairs
        assert [one.days for one in nam.newest.links] == [0.5, 2.5, 3.5]
        assert [one.elsewhere for one in nam.newest.links] == [False] * 3
        assert [one.elsewhere for one in nam.related.links[:2]] == [True, False]
        assert [one.days for one in nam.related.links[:2]] == [1.5, 4.5]

    def test_both_lists_are_measured_as_the_searcher_measures(self, searcher, compared):
        for pair in compared.pairs:
            seed = Seed(ids=[pair.article.id])
            known = {}
            for wanted in (RelatedBody(seed=seed, limit=50), RelatedBody(seed=seed, limit=50, ranking="similarity")):
                known |= {hit.article.id: hit.relevance for hit in searcher.related(wanted).hits}
            for one in (*pair.newest.links, *pair.related.links):
                assert one.relevance == pytest.approx(known[one.article.id], abs=1e-5)
                assert one.same_event is (one.relevance >= 0.5)

    def test_figures_of_a_list(self, compared):
        nam, _ = compared.pairs
        found = nam.newest.figures
        assert (found.links, found.duplicates, found.sections) == (3, 0, 1)
        assert found.days == pytest.approx((0.5 + 2.5 + 3.5) / 3)

    def test_equal_times_are_listed_by_id_however_they_are_stored(self, archive_of):
        lines = [
            {"id": name, "title": f"Tin {name}", "body": name, "section": "Nghề", "published_at": "2024-03-01"}
            for name in "edcba"
        ]
        one, other = (Searcher(archive_of(given), HashingEncoder) for given in (lines, lines[::-1]))
        found = [comparison.compare(searcher, wanted=1, links=3) for searcher in (one, other)]
        for one in found:
            (pair,) = one.pairs
            assert pair.article.id == found[0].pairs[0].article.id
            assert ids(pair.newest) == [name for name in "abcde" if name != pair.article.id][:3]


class TestJudged:
    @pytest.fixture(scope="class")
    @classmethod
    def pairs(cls, archive_of):
        extra = {"nam": {"event": "gom"}, "khac": {"event": "gom"}, "bon": {"cluster": 7}, "ba": {"cluster": "7"}}
        extra["hai"] = {"event": ""}
        lines = [line | extra.get(line["id"], {}) for line in LINES]
        return comparison.compare(Searcher(archive_of(lines), HashingEncoder), links=3)

    def test_the_field_of_the_article_counts(self, pairs):
        nam, bon = pairs.pairs
        assert (nam.judged_by, bon.judged_by, pairs.judged) == ("event", "cluster", 2)
        assert [one.same_event for one in nam.newest.links] == [False, False, False]
        assert [one.same_event for one in nam.related.links[:2]] == [True, False]
        assert [one.same_event for one in bon.newest.links] == [True, False, False]

    def test_the_page_says_so(self, pairs):
        page = comparison_page.render(pairs)
        assert "Cùng sự kiện, theo trường “cluster”, “event” của kho bài" in page
        assert "Ước lượng cùng sự kiện" not in page

    @pytest.mark.parametrize("value", [None, "", " ", True, ["x"], {"a": 1}, 1.5])
    def test_what_names_no_event(self, value):
        assert comparison.event_of(article(event=value), "event") is None


class TestFigures:
    def test_by_hand(self):
        lists = [
            LinkList([link(1, 0.2, section="A"), link(3, 0.6, same_event=True, duplicate=True, section="a ")]),
            LinkList([link(5, 0.4, section="A"), link(7, 0.8, same_event=True, section="B"), link(9, 0.0)]),
        ]
        found = figures(lists)
        assert (found.links, found.same_event, found.duplicates) == (5, 2, 1)
        assert found.same_event_share == pytest.approx(0.4)
        assert found.days == pytest.approx(5)
        assert found.relevance == pytest.approx(0.4)
        assert found.sections == pytest.approx((1 + 3) / 2)

    def test_of_nothing(self):
        assert figures([]) == comparison.Figures(0, 0, None, None, 0, 0.0, None)
        assert figures([LinkList([])]).same_event_share is None

    @pytest.mark.parametrize(
        ("one", "other", "expected"),
        [
            ("Lò gốm Lũng Vài đỏ lửa", "LÒ GỐM LŨNG VÀI ĐỎ LỬA!", True),
            ("Hòa Bình", "Hoà Bình", True),
            # 2 × 9 of 20 words
            ("một hai ba bốn năm sáu bảy tám chín mười", "một hai ba bốn năm sáu bảy tám chín chục", True),
            ("một hai ba bốn năm sáu bảy tám chín", "một hai ba bốn năm sáu bảy tám chục", False),
            ("Giá cam sành ở chợ phiên Nà Khoang ngày 5/3", "Giá cam sành ở chợ phiên Nà Khoang ngày 6/3", False),
            ("Lò gốm đỏ lửa", "Bão cuốn mái trường", False),
        ],
    )  # fmt: skip
    def test_near_identical_titles(self, one, other, expected):
        assert near_identical(one, other) is near_identical(other, one) is expected

    def test_duplicates_repeat_the_article_or_a_link_above(self, archive_of):
        lines = [
            {"id": "a", "title": "Lò gốm đỏ lửa", "body": "Khói lên.", "section": "Nghề", "published_at": "2024-03-01"},
            {"id": "b", "title": "Tin khác", "body": "khói  lên", "section": "Nghề", "published_at": "2024-03-02"},
            {"id": "c", "title": "Bão cuốn mái", "section": "Nghề", "published_at": "2024-03-03"},
            {"id": "d", "title": "Bão cuốn mái.", "section": "Nghề", "published_at": "2024-03-04"},
            {"id": "e", "title": "Lò gốm đỏ lửa", "section": "Nghề", "published_at": "2024-03-05"},
        ]
        (pair,) = comparison.compare(Searcher(archive_of(lines), HashingEncoder), links=4).pairs
        assert [(one.article.id, one.duplicate) for one in pair.newest.links] == [
            ("d", False),
            ("c", True),  # its title stands above
            ("b", False),
            ("a", True),  # the article's title, and b's text
        ]


class TestChoice:
    def test_sections_take_turns_and_places_are_spread(self):
        chosen = choose({"lớn": 100, "vừa": 10, "nhỏ": 1, "không": 0}, 9, 1)
        assert {name: len(places) for name, places in chosen.items()} == {"lớn": 4, "vừa": 4, "nhỏ": 1}
        for at, place in enumerate(chosen["lớn"]):
            assert 25 * at <= place < 25 * (at + 1)

    def test_larger_sections_come_first(self):
        assert {k: len(v) for k, v in choose({"a": 1, "b": 3, "c": 2}, 2, 1).items()} == {"b": 1, "c": 1, "a": 0}

    def test_the_seed_decides(self):
        sizes = {"a": 1000, "b": 1000}
        assert choose(sizes, 10, 1) == choose(sizes, 10, 1)
        assert choose(sizes, 10, 1) != choose(sizes, 10, 2)

    @given(st.dictionaries(st.text(max_size=3), st.integers(0, 40)), st.integers(1, 60), st.integers())
    def test_as_many_as_wanted_or_all_and_none_twice(self, sizes, wanted, seed):
        chosen = choose(sizes, wanted, seed)
        assert sum(map(len, chosen.values())) == min(wanted, sum(sizes.values()))
        for name, places in chosen.items():
            assert places == sorted(set(places))
            assert all(0 <= place < sizes[name] for place in places)

    def test_none_qualifies(self, searcher):
        with pytest.raises(NothingToCompare, match=r"9 public articles, 7 with section and date, .*try --links 4"):
            comparison.compare(searcher, links=6)

    def test_no_sections_at_all(self, archive_of):
        bare = Searcher(archive_of([{"id": "a", "title": "Tin"}]), HashingEncoder)
        with pytest.raises(NothingToCompare, match="1 public articles, 0 with section and date, at most 0"):
            comparison.compare(bare)


class Seen(HTMLParser):
    """What a browser would load or link to."""

    def __init__(self, page):
        super().__init__()
        self.tags, self.links, self.attributes = [], [], []
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += [name for name, _ in attrs]
        self.links += [value for name, value in attrs if name == "href" and tag == "a"]


def made(*urls, **fields):
    """Return a comparison of one hostile article, with a link for each URL."""
    links = LinkList(
        [
            ComparedLink(article(id=f"l{at}", title=SCRIPT, section=SCRIPT, url=url), 1.0, 0.5, True, True, True)
            for at, url in enumerate(urls)
        ]
    )
    own = article(title=SCRIPT, section=SCRIPT, published_at="2024-03-01", url='https://lungvai.example/a?x=1&y="2"')
    moment = datetime.fromisoformat("2024-03-02T03:00:00+00:00")
    given = {"articles": 1234, "eligible": 1, "wanted": 1, "links": 6, "seed": 5, "snapshot": "s-1", "encoder": "e@1"}
    return Comparison(pairs=[Pair(own, None, LinkList([]), links)], made_at=moment, **(given | fields))  # fmt: skip


class TestPage:
    def test_articles_cannot_do_anything(self):
        urls = ["javascript:alert(1)", "//evil.example/x", "data:text/html,x", "ftp://f.example/", "http://[x", None]
        good = "https://bao.example/a?b=1&c=2"
        page = comparison_page.render(made(*urls, good))
        seen = Seen(page)
        assert [href for href in seen.links if not href.startswith("#")] == [
            'https://lungvai.example/a?x=1&y="2"',
            good,
        ]
        assert not {"script", "img", "link", "iframe", "object", "svg", "form", "base"} & set(seen.tags)
        assert not {"src", "srcset", "style", "data", "onclick", "onerror", "onload"} & set(seen.attributes)
        assert page.count("<script") == 0
        assert "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt; &amp; &#34;gốm&#34;" in page

    def test_nothing_from_elsewhere(self, compared):
        page = comparison_page.render(compared)
        assert "http:" not in page
        assert "https:" not in page
        assert "url(" not in page
        assert "@import" not in page

    def test_what_it_says(self):
        page = comparison_page.render(made("https://bao.example/a", "https://bao.example/b"))
        text = " ".join(re.sub(r"<style>.*</style>|<[^>]+>", " ", page, flags=re.DOTALL).split())
        assert "Ước lượng cùng sự kiện: độ liên quan hiệu chỉnh ≥ 0,5 1 – 0 trên 0 liên kết 100 % 2 trên 2" in text
        assert "Độ liên quan trung bình (0 đến 1) 2 – 0,50" in text
        assert "Kho có 1.234 bài công khai" in text
        assert "số gieo 5" in text
        assert "Lập lúc 02/03/2024 10:00. Bản chụp s-1, mô hình e@1." in text
        assert "không phải ở ngày mới nhất của kho" in text
        assert "ít hơn" not in text

    def test_fewer_than_asked_for(self):
        assert "Kho chỉ có 1 bài đủ điều kiện, ít hơn 30 bài" in comparison_page.render(made(wanted=30))
        english = comparison_page.render(made(wanted=30), "en")
        assert "Only 1 articles of the archive qualify, fewer than the 30 asked for" in english
        assert '<html lang="en">' in english

    @pytest.mark.parametrize(
        ("share", "vietnamese", "english"),
        [(None, "–", "–"), (0.0, "0\xa0%", "0%"), (0.0222, "2,2\xa0%", "2.2%"), (0.05, "5\xa0%", "5%"),
         (0.0999, "10\xa0%", "10%"), (0.425, "42\xa0%", "42%"), (1.0, "100\xa0%", "100%")],
    )  # fmt: skip
    def test_shares(self, share, vietnamese, english):
        written = [
            comparison_page.NumberFormatter(comparison_page.strings.language(code)).share(share)
            for code in ("vi", "en")
        ]
        assert written == [vietnamese, english]

    def test_days(self):
        numbers = comparison_page.NumberFormatter(comparison_page.strings.language("vi"))
        assert [numbers.days(value) for value in (None, 0.04, 9.94, 9.96, 1234.4)] == ["–", "0,0", "9,9", "10", "1.234"]

    def test_a_failed_write_leaves_what_was_there(self, tmp_path):
        out = tmp_path / "compare.html"
        comparison_page.write(out, "cũ")
        with pytest.raises(UnicodeEncodeError):
            comparison_page.write(out, "mới \ud800")
        assert out.read_text(encoding="utf-8") == "cũ"
        assert list(tmp_path.iterdir()) == [out]


class TestCommand:
    @pytest.fixture
    def source(self, tmp_path):
        path = tmp_path / "articles.jsonl"
        path.write_text("".join(json.dumps(line) + "\n" for line in LINES), encoding="utf-8")
        return path

    @pytest.fixture
    def run(self, tmp_path):
        def invoke(*args, status=0, **environment):
            env = {"LIENQUAN_MODEL": "hashing", "LIENQUAN_HOME": None, **environment}
            result = CliRunner().invoke(main, ["compare", *map(str, args)], env=env)
            assert result.exit_code == status, (result.stdout, result.stderr, result.exception)
            return result

        return invoke

    def test_from_sources(self, run, source, tmp_path):
        out = tmp_path / "out.html"
        result = run(source, "--out", out, "--links", 3)
        assert result.stdout.splitlines()[0] == f"{out}: 2 articles of 2 that qualify"
        page = out.read_text(encoding="utf-8")
        assert "Kho chỉ có 2 bài đủ điều kiện, ít hơn 30 bài" in page
        again = tmp_path / "again.html"
        run(source, "--out", again, "--links", 3)
        cut = [re.sub(r"<footer.*", "", text, flags=re.DOTALL) for text in (page, again.read_text(encoding="utf-8"))]
        assert cut[0] == cut[1]
        assert sorted(path.name for path in tmp_path.iterdir()) == ["again.html", "articles.jsonl", "out.html"]

    def test_from_a_table_with_headers_of_its_own(self, run, tmp_path):
        rows = [f"{line['id']},{line['title']},Nghề,2024-03-0{at}" for at, line in enumerate(LINES[:5], start=1)]
        table, out = tmp_path / "bai.csv", tmp_path / "out.html"
        table.write_text("\n".join(["ma,tit,muc,ngay", *rows]) + "\n", encoding="utf-8")
        mapped = [
            part for pair in ("id=ma", "title=tit", "section=muc", "published_at=ngay") for part in ("--map", pair)
        ]
        result = run(table, "--out", out, "--links", 3, *mapped)
        assert f"{out}: 2 articles of 2 that qualify" in result.stdout
        run(table, "--out", out, "--map", "tit", status=2)

    def test_from_a_home(self, run, tmp_path, publish):
        home, out = tmp_path / "home", tmp_path / "out.html"
        snapshot = publish(home, LINES).snapshot
        run("--home", home, "--out", out, "--links", 3, "--articles", 1, "--lang", "en")
        page = out.read_text(encoding="utf-8")
        assert snapshot in page
        assert page.count('<article class="pair">') == 1
        run("--out", out, "--links", 3, LIENQUAN_HOME=str(home))
        assert 'lang="vi"' in out.read_text(encoding="utf-8")

    def test_sources_win_over_a_home_of_the_environment(self, run, source, tmp_path):
        run(source, "--out", tmp_path / "out.html", "--links", 3, LIENQUAN_HOME=str(tmp_path / "none"))
        assert not (tmp_path / "none").exists()

    def test_none_qualifies(self, run, source, tmp_path):
        result = run(source, "--out", tmp_path / "out.html", status=1)
        assert "expected an article with 6 others of its section not after it; try --links 4" in result.stderr
        assert not (tmp_path / "out.html").exists()

    def test_wrong_use(self, run, source, tmp_path):
        out = tmp_path / "out.html"
        assert "compare needs SOURCE... or --home" in run("--out", out, status=2).stderr
        assert "not both" in run(source, "--home", tmp_path, "--out", out, status=2).stderr
        assert "in a directory that exists" in run(source, "--out", tmp_path / "no" / "x.html", status=2).stderr
        run(source, "--out", out, "--articles", 0, status=2)

    def test_an_empty_home(self, run, tmp_path):
        assert "no snapshot is published yet" in run("--home", tmp_path, "--out", tmp_path / "x.html", status=1).stderr
