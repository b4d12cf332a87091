"""Clicks: lists that were given and no others, what is kept of them, two rankings in turn, and the report."""

import json
import sqlite3
import time
from contextlib import closing
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from service.cli import main
from service.clicks import counting
from service.clicks.counting import Clicks
from service.clicks.lists import MAX_AGE, MAX_HITS, ListSigner, SignedHit, SignedList
from service.clicks.log import FILE, ClickCounts, ClickLog, ListPosition
from service.clicks.report import QrelsLine, compare, judgements
from service.clicks.trials import RankingTrial
from service.errors import NotReady
from service.observing import hourly
from service.ranking.variants import Variant
from service.schemas import RelatedBody, Seed
from service.settings import SettingsError, load

LINES = [
    {
        "id": f"bai-{at}",
        "title": f"công nhân ca {at} đình công {at % 3}",
        "section": "Đời sống",
        "published_at": f"2023-11-{at + 1:02}",
    }
    for at in range(9)
]
SITE = "https://bao.example"
HOUR = 1_700_000_000 // 3600 * 3600


@pytest.fixture(scope="module")
def client(client_of):
    return client_of(LINES, clicks=True, cors_origins=(SITE,))


def listed(client, at=0, query=""):
    answer = client.get(f"/api/v1/articles/bai-{at}/related{query}")
    assert answer.status_code == 200, answer.data
    return answer.json


def tell(client, *events, **options):
    return client.post("/api/v1/clicks", data=json.dumps({"events": events}), content_type="text/plain", **options)


def kept(client):
    """Return the rows of the log of a client's home."""
    log = client.application.extensions["clicks"]._log
    log.write()
    path = client.application.config["SETTINGS"].home / FILE
    if not path.exists():
        return []
    with closing(sqlite3.connect(path)) as database:
        return database.execute("SELECT * FROM clicks ORDER BY seed, position").fetchall()


def count_with(client, secret=lambda: b"x" * 32, clock=time.time):
    """Have a client's application count with a secret and a clock of the test's own."""
    log = ClickLog(client.application.config["SETTINGS"].home / FILE, 90, 200, lambda count: None)
    client.application.extensions["clicks"] = Clicks(ListSigner(secret), log, clock=clock)


def arm_of(trial, article):
    """Return the ranking that a trial by article shows under an article."""
    body = RelatedBody(seed=Seed(ids=[article]))
    _, (arm,) = trial.answer(lambda asked: SimpleNamespace(hits=["one"]), body, article, HOUR)
    return arm


class TestEndpoint:
    def test_off_unless_it_is_set(self, client_of):
        client = client_of(LINES)
        assert "list" not in listed(client)
        assert tell(client, {"list": "x", "clicked": 1}).status_code == 404

    def test_what_is_shown_and_clicked_is_counted_by_position_and_reason(self, client_of):
        client = client_of(LINES, clicks=True)
        found = listed(client)
        assert tell(client, {"list": found["list"], "shown": [1, 2, 2]}).status_code == 204
        answer = tell(client, {"list": found["list"], "shown": [1], "clicked": 2})
        assert (answer.status_code, answer.data) == (204, b"")
        hour = int(time.time()) // 3600 * 3600
        rows = kept(client)
        assert [(row[1], row[2], row[3], *row[5:]) for row in rows] == [
            ("bai-0", 1, found["hits"][0]["id"], "", "", 2, 0),
            ("bai-0", 2, found["hits"][1]["id"], "", "", 1, 1),
        ]
        assert all(hour - 3600 <= row[0] <= hour for row in rows)
        assert {row[4] for row in rows} <= {"same_event", "same_names", "background", "same_topic"}

    def test_a_beacon_needs_no_preflight_and_keeps_nothing_of_the_reader(self, client_of):
        client = client_of(LINES, clicks=True, cors_origins=(SITE,))
        headers = {"Origin": SITE, "User-Agent": "Firefox of Lan", "Cookie": "lan=1", "Sec-Fetch-Site": "cross-site"}
        found = listed(client)
        assert tell(client, {"list": found["list"], "shown": [1]}, headers=headers).status_code == 204
        assert len(kept(client)) == 1
        home = client.application.config["SETTINGS"].home
        content = (home / FILE).read_bytes()
        assert b"Lan" not in content
        assert b"lan=1" not in content
        assert b"127.0.0.1" not in content

    def test_pages_of_other_sites_may_not(self, client):
        token = listed(client)["list"]
        answer = tell(client, {"list": token, "shown": [1]}, headers={"Origin": "https://khac.example"})
        assert answer.status_code == 403
        assert answer.json["errors"][0]["field"] == "Origin"

    def test_the_preflight_of_those_that_send_json(self, client):
        asked = {"Origin": SITE, "Access-Control-Request-Method": "POST"}
        answer = client.options("/api/v1/clicks", headers=asked)
        assert answer.headers["Access-Control-Allow-Methods"] == "GET, POST"
        assert answer.headers["Access-Control-Allow-Origin"] == SITE
        other = client.options("/api/v1/clicks", headers={**asked, "Origin": "https://khac.example"})
        assert "Access-Control-Allow-Origin" not in other.headers

    @pytest.mark.parametrize(
        ("event", "field"),
        [
            ({"list": "bịa", "shown": [1]}, "events.0.list"),
            ({"list": "", "shown": [1]}, "events.0.list"),
            ({"shown": [1]}, "events.0.list"),
            ({"list": "x"}, "events.0.shown"),
            ({"list": "x", "shown": [0]}, "events.0.shown.0"),
            ({"list": "x", "clicked": "1"}, "events.0.clicked"),
            ({"list": "x", "clicked": 1, "reader": "lan"}, "events.0.reader"),
        ],
    )
    def test_what_is_not_as_expected(self, client, event, field):
        answer = tell(client, event)
        assert answer.status_code == 400
        assert [fault["field"] for fault in answer.json["errors"]] == [field]

    def test_a_position_that_the_list_has_not_and_nothing_of_the_rest_counts(self, client):
        before, found = kept(client), listed(client)
        answer = tell(client, {"list": found["list"], "shown": [1]}, {"list": found["list"], "clicked": 7})
        assert answer.json["errors"] == [
            {"field": "events.1.clicked", "value": "7", "expected": "expected 1 to 6, as many as the list has"}
        ]
        assert kept(client) == before

    def test_an_altered_list(self, client):
        signed, _, signature = listed(client)["list"].rpartition(".")  # whose last letter has bits that say nothing
        altered = ("A" if signature[0] != "A" else "B") + signature[1:]
        for token in (f"{signed}.{altered}", f"{signed[:-1]}.{signature}"):
            assert tell(client, {"list": token, "shown": [1]}).status_code == 400

    def test_bodies_are_bounded(self, client):
        assert client.post("/api/v1/clicks", data=b" " * (counting.MAX_BODY + 1)).status_code == 413
        assert tell(client, *[{"list": "x", "shown": [1]}] * 21).status_code == 400
        assert client.post("/api/v1/clicks", data=b"{").status_code == 400
        assert client.get("/api/v1/clicks").status_code == 405

    def test_rates_are_limited_as_everywhere(self, client_of):
        client = client_of(LINES, clicks=True, rate_limit="2/minute")
        token = listed(client)["list"]
        assert [tell(client, {"list": token, "shown": [1]}).status_code for _ in range(2)] == [204, 429]

    def test_the_document_tells_of_it(self, client):
        document = client.get("/api/v1/openapi.json").json
        told = document["paths"]["/api/v1/clicks"]["post"]
        assert {"204", "400", "403", "404", "413", "429"} <= set(told["responses"])
        schemas = document["components"]["schemas"]
        assert "list" in schemas["CountedList"]["properties"]
        assert "list" not in schemas["CountedList"]["required"]
        assert set(schemas["ClickEvent"]["properties"]) == {"list", "shown", "clicked"}


class TestWhichListsAreCounted:
    def test_those_under_one_published_article_by_id_and_by_address(self, client_of):
        own = {"id": "co", "title": "công nhân ca 3 đình công 1", "url": f"{SITE}/co"}
        client = client_of([*LINES, own], clicks=True)
        now = time.time()
        count_with(client, clock=lambda: now)  # the hour must not turn between the two
        by_id = client.get("/api/v1/articles/co/related").json
        by_url = client.get(f"/api/v1/related?url={SITE}/co?utm_source=x").json
        assert by_id["list"] == by_url["list"]

    @pytest.mark.parametrize("query", ["?ranking=similarity", "?explain=true", "?explain_id=bai-3"])
    def test_none_that_no_reader_sees(self, client, query):
        assert "list" not in listed(client, query=query)

    def test_no_draft_and_no_batch(self, client):
        seed = {"article": {"title": "công nhân ca"}}
        assert "list" not in client.post("/api/v1/related", json={"seed": seed}).json
        with client.post("/api/v1/related:batch", data=json.dumps({"id": "bai-1"})) as answer:
            assert b'"list"' not in answer.data

    def test_no_list_without_articles(self, client):
        assert "list" not in listed(client, query="?section=kh%C3%B4ng&fallbacks=none")

    def test_an_article_that_is_not_there(self, client):
        assert client.get("/api/v1/articles/none/related").status_code == 404

    def test_a_home_that_cannot_hold_the_secret_costs_the_token_alone(self, client_of, caplog):
        client = client_of(LINES, clicks=True)

        def never():
            raise NotReady("session.key cannot be made: Permission denied")

        count_with(client, secret=never)
        caplog.clear()
        assert "list" not in listed(client)
        assert "list" not in listed(client, 1)
        assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == [
            "lists are not counted: session.key cannot be made: Permission denied"
        ]

    def test_caches_keep_a_list_for_its_hour(self, client_of):
        client, now = client_of(LINES, clicks=True), [time.time()]
        count_with(client, clock=lambda: now[0])
        path = "/api/v1/articles/bai-2/related?now=2026-01-01"
        first = client.get(path)
        held = {"If-None-Match": first.headers["ETag"]}
        assert client.get(path, headers=held).status_code == 304
        now[0] += 3600
        later = client.get(path, headers=held)
        assert later.status_code == 200
        assert later.json["list"] != first.json["list"]


class TestTokens:
    LIST = SignedList(HOUR, "bai", "", (SignedHit("a", "same_topic"), SignedHit("b", "pinned", "a")))

    @staticmethod
    def lists(now=HOUR, secret=b"x" * 32):
        return ListSigner(lambda: secret, lambda: now)

    def test_what_goes_in_comes_out(self):
        token = self.lists().token(self.LIST)
        assert self.lists().of(token) == self.LIST
        assert token == self.lists().token(self.LIST)  # whoever gets it
        assert self.lists(secret=b"y" * 32).of(token) is None

    def test_it_ends(self):
        token = self.lists().token(self.LIST)
        assert self.lists(HOUR + MAX_AGE).of(token) == self.LIST
        assert self.lists(HOUR + MAX_AGE + 1).of(token) is None
        assert self.lists(HOUR - 2 * 24 * 3600).of(token) is None

    def test_long_lists_are_counted_in_part(self):
        many = self.LIST._replace(hits=tuple(SignedHit(str(at), "same_topic") for at in range(60)))
        assert len(self.lists().of(self.lists().token(many)).hits) == MAX_HITS

    @given(st.text(max_size=200))
    def test_what_is_invented_is_none_of_ours(self, token):
        assert self.lists().of(token) is None

    @given(st.lists(st.tuples(st.text(min_size=1), st.text(), st.sampled_from(["", "a", "b"])), max_size=MAX_HITS))
    def test_any_list(self, hits):
        made = SignedList(HOUR, "Đ", "trial", tuple(SignedHit(*hit) for hit in hits))
        assert self.lists().of(self.lists().token(made)) == made


def variant(**values):
    return {"trial": "by-article", "trial_against": Variant(**values), "clicks": True, **{}}


class TestTrials:
    def test_by_article_half_of_them_have_the_second_ranking(self, client_of):
        plain = client_of(LINES)
        tried = client_of(LINES, **variant(diversity=0.0))
        trial = RankingTrial("by-article", Variant(diversity=0.0))
        seen = set()
        for at in range(9):
            arm = arm_of(trial, f"bai-{at}")
            query = "" if arm == "a" else "?diversity=0"
            ids = [hit["id"] for hit in listed(tried, at)["hits"]]
            assert ids == [hit["id"] for hit in listed(plain, at, query)["hits"]]
            seen.add(arm)
        assert seen == {"a", "b"}

    def test_interleaved_each_article_has_its_arm(self, client_of):
        client = client_of(LINES, clicks=True, trial="interleaved", trial_against=Variant(freshness="none"))
        found = listed(client)
        tell(client, {"list": found["list"], "shown": [1, 2, 3, 4, 5, 6], "clicked": 1})
        rows = kept(client)
        assert {row[5] for row in rows} == {"interleaved freshness=none"}
        assert sorted(row[6] for row in rows) == ["a"] * 3 + ["b"] * 3
        assert len({hit["id"] for hit in found["hits"]}) == 6

    @pytest.mark.parametrize("query", ["?diversity=0.7", "?preset=headlines", "?ranking=similarity"])
    def test_what_a_request_says_itself_is_not_tried(self, client_of, query):
        client, plain = client_of(LINES, **variant(diversity=0.0)), client_of(LINES)
        for at in range(9):
            both = [listed(one, at, query)["hits"] for one in (client, plain)]
            assert [hit["id"] for hit in both[0]] == [hit["id"] for hit in both[1]]

    def test_pins_stay_in_their_places_and_are_of_no_arm(self, client_of, tmp_path):
        rules = tmp_path / "rules.jsonl"
        rules.write_text(json.dumps({"id": "r", "kind": "pin", "article": "bai-8", "position": 3}) + "\n")
        changed = {"trial": "interleaved", "trial_against": Variant(freshness="none"), "clicks": True}
        client = client_of(LINES, rules=rules, **changed)
        for at in range(4):
            found = listed(client, at)
            assert found["hits"][2]["id"] == "bai-8"
            tell(client, {"list": found["list"], "shown": [1, 2, 3]})
        assert {row[6] for row in kept(client) if row[3] == "bai-8"} == {""}

    def test_another_trial_has_another_name(self):
        assert RankingTrial("interleaved", Variant(diversity=0.5)).name == "interleaved diversity=0.5"
        one, other = (RankingTrial("by-article", Variant(diversity=value)) for value in (0.1, 0.2))
        assert [arm_of(one, f"{at}") for at in range(40)] != [arm_of(other, f"{at}") for at in range(40)]


class TestSettings:
    def load(self, monkeypatch, **values):
        for name, value in values.items():
            monkeypatch.setenv(f"LIENQUAN_{name.upper()}", value)
        return load()

    def test_a_trial(self, monkeypatch):
        loaded = self.load(monkeypatch, clicks="true", trial="interleaved", trial_against='{"diversity": 0.5}')
        assert loaded.trial_against == Variant(diversity=0.5)

    @pytest.mark.parametrize(
        ("values", "said"),
        [
            ({"trial": "interleaved"}, "trial = 'interleaved': expected clicks = true and trial_against beside it"),
            ({"trial": "half"}, "LIENQUAN_TRIAL: 'half': expected 'off', 'by-article' or 'interleaved'"),
            (
                {"trial_against": '{"diversity": 2}'},
                "LIENQUAN_TRIAL_AGAINST: diversity: 2: expected less than or equal",
            ),
            ({"trial_against": "{}"}, "expected at least one of preset, freshness"),
            ({"trial_against": '{"x": 1}'}, "LIENQUAN_TRIAL_AGAINST: x: 1: Extra inputs"),
            ({"clicks_days": "1"}, "LIENQUAN_CLICKS_DAYS: '1': expected greater than or equal to 3"),
        ],
    )
    def test_what_cannot_be(self, monkeypatch, values, said):
        with pytest.raises(SettingsError) as refused:
            self.load(monkeypatch, **values)
        assert said in str(refused.value)


@pytest.fixture
def log(tmp_path, monkeypatch):
    """A log that writes when it is told to."""
    made = ClickLog(tmp_path / FILE, 90, 200, lambda count: None)
    monkeypatch.setattr(hourly, "EVERY_SECONDS", 3600.0)
    monkeypatch.setattr("service.observing.hourly.time.time", lambda: HOUR + 3600)
    return made


def note(log, seed, position, shown, clicked, hour=HOUR, **place):
    article = place.pop("article", f"{seed}-{position}")
    for count, was_clicked in ((shown, False), (clicked, True)):
        for _ in range(count):
            log.note(
                ListPosition(
                    hour,
                    seed,
                    position,
                    article,
                    place.get("reason", "same_topic"),
                    **{name: value for name, value in place.items() if name != "reason"},
                ),
                was_clicked,
            )


def counts(tmp_path, since=0.0, until=2.0**40):
    return ClickCounts(tmp_path / FILE, since, until)


class TestLog:
    def test_what_is_old_goes_and_what_is_too_much(self, tmp_path, monkeypatch):
        dropped = []
        log = ClickLog(tmp_path / FILE, 3, 1, dropped.append)
        monkeypatch.setattr(hourly, "EVERY_SECONDS", 3600.0)
        monkeypatch.setattr("service.observing.hourly.time.time", lambda: HOUR)
        for hours in (73, 71, 0):
            note(log, "s", 1, 1, 0, hour=HOUR - hours * 3600)
        log.write()
        assert counts(tmp_path).total().shown == 2
        for hours in range(20, 0, -1):
            for at in range(900):
                note(log, f"bài {at} " + "x" * 60, 1, 1, 0, hour=HOUR - hours * 3600)
            log.write()
        assert (tmp_path / FILE).stat().st_size <= 1.3 * 2**20
        assert counts(tmp_path, since=HOUR - 3600).total().shown == 901
        assert dropped == []

    def test_one_hour_that_is_too_much_loses_what_was_shown_least(self, tmp_path, monkeypatch):
        log = ClickLog(tmp_path / FILE, 3, 1, lambda count: None)
        monkeypatch.setattr(hourly, "EVERY_SECONDS", 3600.0)
        monkeypatch.setattr("service.observing.hourly.time.time", lambda: HOUR)
        for turn in range(12):
            note(log, "thường", 1, 2, 0)
            for at in range(900):
                note(log, f"bài {turn} {at} " + "x" * 60, 1, 1, 0)
            log.write()
        assert (tmp_path / FILE).stat().st_size <= 1.3 * 2**20
        assert ("thường", "thường-1", 1, 24, 0) in set(counts(tmp_path).pairs())

    def test_its_file_is_for_its_owner_alone(self, log, tmp_path):
        note(log, "s", 1, 1, 0)
        log.write()
        assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


class TestReport:
    def test_rates_by_position_and_reason(self, log, tmp_path):
        note(log, "s", 1, 263, 81)
        note(log, "s", 2, 148, 15, reason="same_event")
        log.write()
        done = self.run(tmp_path, "--json")
        told = json.loads(done.stdout)
        assert (told["shown"], told["clicked"]) == (411, 96)
        first, second = told["by_position"]
        assert (first["position"], first["shown"], first["clicked"]) == (1, 263, 81)
        assert [round(first[name], 4) for name in ("rate", "low", "high")] == [0.3080, 0.2553, 0.3662]
        assert [round(second[name], 4) for name in ("low", "high")] == [0.0624, 0.1605]
        assert [row["reason"] for row in told["by_reason"]] == ["same_event", "same_topic"]
        assert told["trials"] == []
        shown = self.run(tmp_path).stdout.splitlines()
        assert shown[0].startswith("96 clicks on 411 articles shown: 23.36% (")
        assert shown[2].split() == ["1", "30.80%", "(25.53%", "to", "36.62%)", "(81", "of", "263)"]

    @staticmethod
    def run(home, *options):
        command = ["report", "clicks", "--home", str(home), "--since", "2023-11-01", "--until", "2023-11-30"]
        done = CliRunner().invoke(main, [*command, *options])
        assert done.exit_code == 0, done.output
        return done

    def test_only_of_those_hours(self, log, tmp_path):
        for hours in range(3):
            note(log, "s", 1, 10**hours, 0, hour=HOUR - hours * 3600)
        log.write()
        assert counts(tmp_path, HOUR - 2 * 3600, HOUR).total().shown == 110

    @pytest.mark.parametrize(
        ("options", "said"),
        [(["--since", "x"], "since: 'x': "), (["--since", "2023-11-08", "--until", "2023-11-07"], "before until")],
    )
    def test_odd_bounds(self, log, tmp_path, options, said):
        note(log, "s", 1, 1, 0)
        log.write()
        done = CliRunner().invoke(main, ["report", "clicks", "--home", str(tmp_path), *options])
        assert done.exit_code == 1
        assert said in done.stderr

    def test_without_a_log_it_says_what_to_do(self, tmp_path):
        done = CliRunner().invoke(main, ["report", "clicks", "--home", str(tmp_path)])
        assert done.exit_code == 1
        assert "is the setting clicks on?" in done.stderr

    def test_a_click_was_a_sight_too(self, log, tmp_path):
        note(log, "s", 1, 0, 3)
        log.write()
        assert json.loads(self.run(tmp_path, "--json").stdout)["by_position"][0]["rate"] == 1


class TestComparing:
    def test_interleaved_lists_by_hand(self, log, tmp_path):
        """Of five lists that were clicked b wins three, a one, and one is a tie; the sixth says nothing."""
        name = "interleaved diversity=0.5"
        for seed, a, b in (("s1", 0, 1), ("s2", 0, 2), ("s3", 1, 2), ("s4", 1, 0), ("s5", 1, 1), ("s6", 0, 0)):
            note(log, seed, 1, 10, a, trial=name, arm="a")
            note(log, seed, 2, 10, b, trial=name, arm="b")
            note(log, seed, 3, 10, 5, trial=name, arm="")  # of no arm: counts for neither
        log.write()
        found = compare(counts(tmp_path), name)
        assert (found.wins_a, found.wins_b, found.ties) == (1, 3, 1)
        assert found.share.rate == 0.75
        assert found.p == pytest.approx(2 * 5 / 16)
        assert found.preference == pytest.approx(3.5 / 5 - 0.5)
        assert found.difference is None
        assert (found.a.shown, found.a.clicked, found.b.clicked) == (60, 3, 6)

    def test_the_same_list_in_another_hour_is_another(self, log, tmp_path):
        name = "interleaved diversity=0.5"
        note(log, "s", 1, 1, 1, trial=name, arm="a")
        note(log, "s", 1, 1, 1, hour=HOUR - 3600, trial=name, arm="b")
        log.write()
        found = compare(counts(tmp_path), name)
        assert (found.wins_a, found.wins_b, found.ties) == (1, 1, 0)

    def test_by_article_days_are_won_by_the_higher_rate(self, log, tmp_path):
        name = "by-article diversity=0.5"
        for days, a, b in ((0, (10, 1), (20, 3)), (1, (10, 2), (20, 2)), (2, (10, 1), (20, 2)), (3, (10, 1), (0, 0))):
            for arm, (shown, clicked) in (("a", a), ("b", b)):
                note(log, f"s-{arm}", 1, shown, clicked, hour=HOUR - days * 24 * 3600, trial=name, arm=arm)
        log.write()
        found = compare(counts(tmp_path), name)
        assert (found.wins_a, found.wins_b, found.ties) == (1, 1, 1)
        assert found.difference.rate == pytest.approx(7 / 60 - 5 / 40)
        told = json.loads(TestReport.run(tmp_path, "--json").stdout)["trials"]
        assert [(trial["trial"], trial["unit"]) for trial in told] == [(name, "day")]
        assert "trial by-article diversity=0.5:" in TestReport.run(tmp_path).stdout


class TestJudgements:
    def test_a_click_further_down_is_worth_more(self, log, tmp_path):
        """Position 1 gets 30 clicks of 100, position 2 gets 5 of 100."""
        note(log, "s", 1, 50, 10, article="a")  # 15 expected
        note(log, "t", 1, 50, 20, article="b")  # 15 expected
        note(log, "s", 2, 50, 5, article="c")  # 2.5 expected
        note(log, "t", 2, 50, 0, article="d")
        note(log, "u", 3, 19, 0, article="e")  # shown too seldom
        log.write()
        assert [*judgements(counts(tmp_path), 20)] == [
            QrelsLine("s", "a", 1),
            QrelsLine("s", "c", 2),
            QrelsLine("t", "b", 2),
            QrelsLine("t", "d", 0),
        ]

    def test_the_file_is_one_that_evaluate_reads(self, log, tmp_path):
        from indexer.metrics import read_qrels

        note(log, "s", 1, 30, 3)
        log.write()
        done = TestReport.run(tmp_path, "--qrels", str(tmp_path / "q.tsv"), "--json")
        assert read_qrels(tmp_path / "q.tsv") == {"s": {"s-1": 1.0}}
        assert "1 judgements" in done.stderr
