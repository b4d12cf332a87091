"""The newsroom's words: their files line by line, changes with their history, the page, and trying a change out."""

import json
import threading
from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from lxml import html

from service.cli import main
from service.errors import BadRequest, CannotWrite, Changed
from service.files import edited
from service.schemas import SearchParams
from service.security.keys import KeyStore
from service.vocabulary.vocabulary_page import SHOWN, VocabularyForm, fields, trial
from service.vocabulary.word_files import LineChange, WordFile
from service.wording.vocabulary import VocabularyWords

VI, EN = (VocabularyWords.in_language(code) for code in ("vi", "en"))

PAGE = "/newsroom/synonyms"
NOW = datetime(2026, 4, 1, 2, 30, tzinfo=UTC)
SCRIPT = "<script>alert('vỡ')</script>"
LINES = [
    {"id": "xe-om", "title": "Xe ôm Lũng Vài chờ khách", "lead": "Xe ôm đợi khách đầu phiên."},
    {"id": "tho-do", "title": "Thợ đò chở khách qua sông", "lead": "Đò ngang thay cầu."},
    {"id": "bhlv", "title": "Hội bạn lúa (HBL) họp", "body": "Hội bạn lúa (HBL) nay đông. " * 3 + "Hội bạn lúa (HBL)."},
    *({"id": f"mau-{at}", "title": f"Chuyện thứ {at} ở chợ"} for at in range(12)),
]


@pytest.fixture
def path(tmp_path):
    return tmp_path / "synonyms.txt"


@pytest.fixture
def file(path):
    return WordFile("synonyms", path)


def said(path):
    """Return the lines of a file without its history."""
    return [line for line in path.read_text(encoding="utf-8").split("\n") if not line.startswith("#:")]


def add(text):
    return LineChange(None, "", text)


class TestFile:
    def test_a_file_that_is_not_there_is_made(self, file, path):
        assert (file.lines(), file.history()) == ([], [])
        file.change(add("xe ôm, grab"), "Lan", NOW)
        entry = {"at": "2026-04-01T09:30:00+07:00", "by": "Lan", "did": "added", "is": "xe ôm, grab"}
        first, second = path.read_text(encoding="utf-8").splitlines()
        assert (first, json.loads(second.removeprefix("#: "))) == ("xe ôm, grab", entry)
        assert [(line.number, line.text, line.problem) for line in file.lines()] == [(1, "xe ôm, grab", None)]

    def test_other_lines_stay_byte_for_byte(self, file, path):
        before = b"\xef\xbb\xbf# ghi ch\xc3\xba\r\na, b\r\n\r\n  c => d  \nh\xe1\xbb\x8fng\xff\ne, f"
        path.write_bytes(before)
        file.change(LineChange(4, "c => d", "c => d, đ"), "Lan", NOW)
        expected = before.replace(b"  c => d  ", "c => d, đ".encode())
        assert path.read_bytes().startswith(expected + b"\n#: ")
        file.change(LineChange(2, "a, b", None), "Lan", NOW)
        assert path.read_bytes().startswith(expected.replace(b"a, b\r\n", b"") + b"\n#: ")

    def test_lines_that_do_not_count_are_listed_with_why(self, file, path):
        path.write_text("a, b\nc\n\n# x\nd => e => f\n", encoding="utf-8")
        found = [(line.number, line.problem) for line in file.lines()]
        assert [number for number, _ in found] == [1, 2, 5]
        assert found[0][1] is None
        assert "expected two different terms" in found[1][1]

    @pytest.mark.parametrize("text", ["a", "", "# a, b", "a, b\nc, d", "a => b => c", "a" * 2001 + ", b"])
    def test_a_line_that_maps_nothing_is_not_written(self, file, path, text):
        path.write_text("c, d\n", encoding="utf-8")
        for change in (add(text), LineChange(1, "c, d", text)):
            with pytest.raises(BadRequest) as refused:
                file.change(change, "Lan")
            assert refused.value.errors[0].field == "line"
        assert path.read_text(encoding="utf-8") == "c, d\n"

    @pytest.mark.parametrize(
        "change", [LineChange(1, "a, x", "a, c"), LineChange(9, "a, b", None), LineChange(2, "# a, b", None)]
    )
    def test_nobody_changes_what_they_have_not_seen(self, file, path, change):
        path.write_text("a, b\n# a, b\n", encoding="utf-8")
        with pytest.raises(Changed):
            file.change(change, "Lan")
        with pytest.raises(Changed):
            file.changed(change)
        assert path.read_text(encoding="utf-8") == "a, b\n# a, b\n"

    def test_no_line_twice(self, file):
        file.change(add("a, b"), "Lan")
        with pytest.raises(BadRequest, match="line 1"):
            file.change(add("a, b"), "Lan")

    def test_what_it_would_say(self, file, path):
        path.write_text("a => b\n", encoding="utf-8")
        assert dict(file.changed(add("c => d")).rules) == {("a",): (("b",),), ("c",): (("d",),)}
        assert dict(file.changed(LineChange(1, "a => b", None)).rules) == {}
        assert path.read_text(encoding="utf-8") == "a => b\n"

    def test_history_has_the_latest_first_and_passes_over_the_rest(self, file, path):
        path.write_text('#: {}\n#: x\n#: {"at": 3, "by": 1, "did": 2}\na, b\n', encoding="utf-8")
        file.change(LineChange(4, "a, b", "a, c"), "Lan", NOW)
        file.change(LineChange(4, "a, c", None), "Minh", NOW)
        assert [(one["by"], one["did"], one["was"], one["is"]) for one in file.history()] == [
            ("Minh", "removed", "a, c", None),
            ("Lan", "changed", "a, b", "a, c"),
        ]
        assert file.lines() == []

    def test_tables_get_their_header(self, tmp_path):
        table = WordFile("abbreviations", tmp_path / "short.tsv")
        table.change(add("HBL\thội bạn lúa"), "Lan")
        table.change(add("UBND\tủy ban nhân dân\tphường, xã"), "Lan")
        assert said(table.path)[0] == "abbreviation\tfull form\tcontext"
        assert [row.abbreviation for row in table.changed(add("QLK\tquỹ lương khô")).rows] == ["HBL", "UBND", "QLK"]
        assert [line.number for line in table.lines()] == [2, 4]
        places = WordFile("renamings", tmp_path / "places.tsv")
        with pytest.raises(BadRequest, match="expected a day as YYYY-MM-DD"):
            places.change(add("Xã Cũ\tXã Mới\thôm qua"), "Lan")
        places.change(add("Xã Cũ\tXã Mới\t2025-07-01"), "Lan")
        assert [line.problem for line in places.lines()] == [None]

    def test_without_a_file_nothing_can_be_written(self):
        file = WordFile("renamings", None)
        assert (file.lines(), file.history()) == ([], [])
        with pytest.raises(BadRequest, match="LIENQUAN_RENAMINGS"):
            file.change(add("Xã Cũ\tXã Mới\t2025-07-01"), "Lan")

    def test_a_failure_on_the_way_leaves_all_as_it_was(self, file, path, monkeypatch):
        path.write_text("a, b\n", encoding="utf-8")

        def fail(*_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(edited.os, "fsync", fail)
        with pytest.raises(CannotWrite, match="No space left"):
            file.change(add("c, d"), "Lan")
        assert path.read_text(encoding="utf-8") == "a, b\n"
        assert list(path.parent.iterdir()) == [path]

    def test_many_at_once_lose_nothing(self, path):
        def write(who):
            for at in range(10):
                WordFile("synonyms", path).change(add(f"{who} {at}, chung {who} {at}"), who)

        threads = [threading.Thread(target=write, args=(f"người{n}",)) for n in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        file = WordFile("synonyms", path)
        assert (len(file.lines()), len(file.history())) == (40, 40)


class TestCommand:
    @pytest.fixture
    def run(self, path, monkeypatch):
        monkeypatch.setenv("LIENQUAN_SYNONYMS", str(path))
        return lambda *asked: CliRunner().invoke(main, ["words", *asked])

    def test_add_list_check_remove(self, run, path):
        assert run("add", "synonyms", " xe ôm, grab ").output == "xe ôm, grab\n"
        path.write_text(path.read_text(encoding="utf-8") + "hỏng\n", encoding="utf-8")
        assert run("list", "synonyms").output.startswith("1\txe ôm, grab\n3\thỏng\t[")
        listed = json.loads(run("list", "synonyms", "--json").output)
        assert listed[0] == {"number": 1, "text": "xe ôm, grab", "problem": None}
        checked = run("check", "synonyms")
        assert (checked.exit_code, checked.stdout) == (1, "synonyms: 1, problems: 1\n")
        assert "synonyms.txt:3: " in checked.stderr
        assert run("remove", "synonyms", "hỏng").output == "removed hỏng\n"
        assert run("check", "synonyms").exit_code == 0
        assert [one["by"] for one in WordFile("synonyms", path).history()] == ["command line", "command line"]

    def test_what_cannot_be(self, run, path):
        assert run("add", "synonyms", "hỏng").exit_code == 2
        assert run("remove", "synonyms", "không có").exit_code == 1
        refused = run("add", "renamings", "Xã Cũ\tXã Mới\t2025-07-01")
        assert (refused.exit_code, "LIENQUAN_RENAMINGS" in refused.stderr) == (2, True)
        assert not path.exists()


class TestForm:
    @pytest.mark.parametrize(
        ("kind", "line"),
        [
            ("synonyms", "covid, corona, sars cov 2"),
            ("synonyms", "tp hcm => thành phố hồ chí minh, sài gòn"),
            ("synonyms", r"a\, b, c"),
            ("synonyms", r"a \=> b, c => d"),
            ("abbreviations", "UBND\tủy ban nhân dân\tphường, xã"),
            ("abbreviations", "HBL\thội bạn lúa"),
            ("renamings", "Xã Cũ\tXã Mới\t2025-07-01"),
        ],
    )
    def test_a_line_comes_back_as_it_was(self, kind, line):
        assert VocabularyForm(what=kind, **fields(kind, line)).change().text == line

    def test_a_broken_line_can_still_be_changed(self):
        assert fields("synonyms", "hỏng") == {"left": "hỏng"}

    def test_tabs_and_ends_of_lines_are_blanks(self):
        assert VocabularyForm(what="abbreviations", short="A\tB", full="c\nd").change().text == "A B\tc d"


@pytest.fixture
def client(client_of, path):
    path.write_text("xe ôm, grab\n", encoding="utf-8")
    return client_of(LINES, synonyms=path, abbreviations=path.with_name("short.tsv"))


def searcher(client):
    return client.application.extensions["lienquan"].searcher()


def post(client, **form):
    headers = {"Accept": "text/html", "Origin": "http://localhost", "Sec-Fetch-Site": "same-origin"}
    return client.post(PAGE, data=form, headers=headers)


def tree(response):
    return html.fromstring(response.get_data(as_text=True))


def best(client, query):
    return searcher(client).search(SearchParams(q=query, mode="lexical", limit=1)).hits[0].article.id


class TestTrial:
    def test_before_and_after(self, client):
        form = VocabularyForm(left="thuyền", right="thợ đò", q="thuyền")
        found = trial(searcher(client), WordFile("synonyms", None), form)
        assert [one.also for one in found.before.query.expansions] == []
        assert [one.also for one in found.after.query.expansions] == ["thợ đò"]
        assert found.shifts[0].hit.article.id == "tho-do"
        before = [hit.article.id for hit in found.before.hits]
        assert found.shifts[0].before == (before.index("tho-do") + 1 if "tho-do" in before else None)
        assert not found.same

    def test_nothing_is_changed_by_it(self, client, path):
        content = path.read_bytes()
        post(client, left="thuyền", right="thợ đò", q="thuyền", do="try")
        assert path.read_bytes() == content
        assert searcher(client).understanding.understand("thuyền").expansions == ()

    def test_no_difference_is_said(self, client):
        page = post(client, left="không ai", right="chẳng ai", q="chợ", do="try")
        assert VI.trial_same in page.get_data(as_text=True)

    @pytest.mark.parametrize(
        ("form", "also"),
        [
            ({"what": "abbreviations", "short": "TDQS", "full": "thợ đò"}, "thợ đò"),
            ({"what": "renamings", "old": "tdqs", "new": "thợ đò", "since": "2025-07-01"}, "thợ đò"),
        ],
    )
    def test_of_every_kind(self, client, form, also):
        page = post(client, **form, q="TDQS", do="try")
        (after,) = tree(page).xpath("//section[@aria-labelledby='after']")
        assert also in after.xpath("./p")[0].text_content()


class TestPage:
    def test_adding_is_followed_at_once(self, client, path):
        held = searcher(client)
        assert best(client, "thuyền chờ") == "xe-om"
        done = post(client, what="synonyms", left="thuyền", right="thợ đò", way="one", do="save", q="thuyền")
        assert (done.status_code, done.location) == (303, f"{PAGE}?what=synonyms&done=save&q=thuy%E1%BB%81n")
        assert "thuyền => thợ đò" in said(path)
        assert best(client, "thuyền") == "tho-do"
        assert searcher(client) is held  # no new snapshot is needed
        page = client.get(done.location).get_data(as_text=True)
        assert VI.done["save"] in page
        assert "local" in page  # who it was, in the history

    def test_abbreviations_are_followed_at_once_in_suggestions_too(self, client):
        def suggested():
            found = client.get("/api/v1/suggest?q=HBL").json["suggestions"]
            return {one["text"] for one in found if one["kind"] == "abbreviation"}

        assert suggested() == {"HBL – hội bạn lúa"}
        post(client, what="abbreviations", short="HBL", full="hội bè lúa", do="save")
        assert "hội bè lúa" in [one.also for one in searcher(client).understanding.understand("HBL").expansions]
        assert suggested() == {"HBL – hội bạn lúa", "HBL – hội bè lúa"}

    def test_changing_and_removing(self, client, path):
        page = tree(client.get(f"{PAGE}?edit=1"))
        form = {one.get("name"): one.get("value") for one in page.xpath("//form[@id='vocabulary']//input")}
        assert (form["at"], form["was"], form["left"], form["right"]) == ("1", "xe ôm, grab", "xe ôm", "grab")
        form |= {"right": "grab, be", "way": "both", "do": "save"}
        assert post(client, **form).status_code == 303
        assert said(path)[0] == "xe ôm, grab, be"
        page = post(client, **form)  # sent again: the line is another one by now
        assert page.status_code == 409
        assert VI.changed_meanwhile in page.get_data(as_text=True)
        assert tree(page).xpath("//input[@id='field-right']/@value") == ["grab, be"]  # what was typed stays
        assert post(client, what="synonyms", at="1", was="xe ôm, grab, be", do="remove").status_code == 303
        assert said(path) == [""]

    @pytest.mark.parametrize("form", [{"left": "a"}, {"left": "a", "right": "a"}, {"left": "#", "right": "b"}])
    def test_a_line_that_cannot_be_stays_in_the_form(self, client, path, form):
        content = path.read_bytes()
        for do in ("try", "save"):
            page = post(client, **form, do=do, q="chợ")
            assert page.status_code == 400
            assert tree(page).xpath("//input[@id='field-left']/@value") == [form["left"]]
        assert path.read_bytes() == content

    @pytest.mark.parametrize("form", [{"what": "x"}, {"khac": "1"}, {"at": "0"}, {"way": "x"}, {"q": "x" * 513}])
    def test_what_is_not_as_expected_is_named(self, client, form):
        page = post(client, **{"left": "a", "right": "b", "do": "save", **form})
        assert page.status_code == 400
        assert next(iter(form)) in page.get_data(as_text=True)

    def test_what_the_archive_taught_can_be_searched_and_taken_over(self, client):
        page = tree(client.get(f"{PAGE}?what=abbreviations&find=ban lua"))
        (learnt,) = page.xpath("//section[@aria-labelledby='learnt']")
        assert "hội bạn lúa" in learnt.text_content()
        (taken,) = learnt.xpath(".//a/@href")
        again = tree(client.get(taken))
        assert again.xpath("//input[@id='field-short']/@value") == ["HBL"]
        assert again.xpath("//input[@id='field-full']/@value") == ["hội bạn lúa"]
        nothing = tree(client.get(f"{PAGE}?what=abbreviations&find=zzz"))
        assert nothing.text_content().count(VI.nothing_found) == 3

    def test_what_is_shipped(self, client):
        page = tree(client.get(f"{PAGE}?what=renamings&lang=en"))
        assert len(page.xpath("//section[@aria-labelledby='shipped']//li")) == SHOWN
        assert EN.no_file.format(setting="LIENQUAN_RENAMINGS") in page.text_content()
        assert not page.xpath("//button[@value='save']")

    def test_shipped_synonyms_can_be_searched_and_taken_over(self, client):
        page = tree(client.get(f"{PAGE}?find=xe hoi&lang=en"))
        (line,) = page.xpath("//section[@aria-labelledby='shipped']//li[span[normalize-space(text())='xe hơi']]")
        assert "ô tô" in line.text_content()
        again = tree(client.get(line.xpath(".//a/@href")[0]))
        assert again.xpath("//input[@id='field-left']/@value") == ["xe hơi"]
        assert "ô tô" in again.xpath("//input[@id='field-right']/@value")[0]
        assert again.xpath("//*[@name='way'][@value='one'][@checked] | //option[@value='one'][@selected]")

    def test_whole_words_come_before_parts_of_others(self, client):
        found = tree(client.get(f"{PAGE}?find=heo")).xpath("//section[@aria-labelledby='shipped']//li/span[1]")
        said = [" ".join(one.text_content().split()) for one in found]
        whole = ["heo" in line.split() for line in said]
        assert whole[0]
        assert not whole[-1]
        assert whole == sorted(whole, reverse=True)

    def test_no_markup_is_let_through(self, client, path):
        path.write_text(f"{SCRIPT}, b\n{SCRIPT}\n", encoding="utf-8")
        assert SCRIPT not in client.get(f"{PAGE}?edit=1").get_data(as_text=True)

    def test_another_site_cannot_change_anything(self, client, path):
        content = path.read_bytes()
        form = {"left": "a", "right": "b", "do": "save"}
        assert client.post(PAGE, data=form, headers={"Origin": "https://khac.example"}).status_code == 403
        assert path.read_bytes() == content


class TestScopes:
    @pytest.fixture
    def signed_in(self, client):
        """Return a function that signs in with a key of these scopes, and returns what posts its forms."""

        def sign_in(*scopes):
            home = client.application.config["SETTINGS"].home
            _, key = KeyStore(home).create("Lan", scopes)
            own = {"Accept": "text/html", "Origin": "http://localhost"}
            token = tree(client.get("/newsroom/sign-in")).xpath("//input[@name='csrf']/@value")[0]
            client.post("/newsroom/sign-in", data={"key": key, "csrf": token}, headers=own)
            (token,) = tree(client.get(PAGE)).xpath("//form[@id='vocabulary']/input[@name='csrf']/@value")
            return lambda **form: client.post(PAGE, data={"csrf": token, **form}, headers=own)

        return sign_in

    def test_who_may_not_change_rules_may_look_and_try(self, client, signed_in, path):
        send = signed_in("newsroom")
        page = client.get(PAGE).get_data(as_text=True)
        assert VI.may_not in page
        assert not html.fromstring(page).xpath("//button[@value='save' or @value='remove']")
        assert send(left="thuyền", right="thợ đò", q="thuyền", do="try").status_code == 200
        for form in ({"left": "a", "right": "b", "do": "save"}, {"at": "1", "was": "xe ôm, grab", "do": "remove"}):
            refused = send(**form)
            assert refused.status_code == 403
            assert VI.forbidden in refused.get_data(as_text=True)
        assert said(path) == ["xe ôm, grab", ""]

    def test_who_may_is_named_in_the_history(self, signed_in, path):
        assert signed_in("newsroom", "rules")(left="a", right="b", do="save").status_code == 303
        assert WordFile("synonyms", path).history()[0]["by"] == "Lan"

    def test_a_stale_form_keeps_what_was_typed(self, client, signed_in, path):
        signed_in("newsroom", "rules")
        page = post(client, left="thuyền", right="thợ đò", do="save")
        assert page.status_code == 403
        assert VI.stale in page.get_data(as_text=True)
        assert tree(page).xpath("//input[@id='field-left']/@value") == ["thuyền"]
        assert said(path) == ["xe ôm, grab", ""]

    def test_who_is_signed_out_sees_what_they_typed_and_nothing_else(self, client, signed_in):
        signed_in("newsroom", "rules")
        client.delete_cookie("lienquan_newsroom", path="/newsroom")
        page = post(client, left="thuyền", right="thợ đò", do="save")
        assert page.status_code == 403
        text = page.get_data(as_text=True)
        assert VI.signed_out in text
        assert "thuyền" in text
        assert "grab" not in text
