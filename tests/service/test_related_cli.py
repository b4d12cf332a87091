"""`lienquan related` and `evaluate related --draft`: what each option does, in which form, and what is wrong use."""

import json
from typing import get_args

import pytest
from click.testing import CliRunner

from service import exporting
from service.answers.shapes import BatchListOut, RelatedList
from service.cli import main
from service.ranking.presets import PRESETS, FreshnessName

LINES = [
    {"id": "luong", "title": "công nhân may chờ lương", "section": "Việc làm", "published_at": "2023-11-07T08:00:00"},
    {
        "id": "an-ca",
        "title": "bữa ăn ca của công nhân may",
        "section": "Đời sống",
        "published_at": "2023-11-01T08:00:00",
    },
    {"id": "toa", "title": "tòa xử vụ sa thải công nhân", "section": "Việc làm", "published_at": "2021-01-02T08:00:00"},
    {"id": "chay", "title": "cháy kho giấy trong đêm", "section": "Đời sống", "published_at": "2023-01-02T08:00:00"},
    {"id": "dien", "title": "giá điện khu trọ tăng", "section": "Đời sống", "aliases": ["dien-cu"]},
    {"id": "mai", "title": "công nhân may mai sau", "published_at": "2100-01-01"},
]
PUBLIC = ["luong", "an-ca", "toa", "chay", "dien"]


@pytest.fixture(scope="module")
def home(tmp_path_factory, publish):
    home = tmp_path_factory.mktemp("home")
    publish(home, LINES)
    return home


@pytest.fixture
def run(home):
    """Return a function that runs a command over the home; there is no floor unless a test sets one."""

    def invoke(*args, status=0, **environment):
        env = {"LIENQUAN_HOME": str(home), "LIENQUAN_MODEL": "hashing", "LIENQUAN_MIN_RELATED": "0", **environment}
        result = CliRunner().invoke(main, [str(arg) for arg in args], env=env)
        assert result.exit_code == status, (result.stdout, result.stderr, result.exception)
        assert "Traceback" not in result.stderr
        return result

    return invoke


@pytest.fixture
def related(run):
    """Return a function that asks for the list of `luong` as JSON."""

    def ask(*options, **environment):
        return json.loads(run("related", "luong", "--json", *options, **environment).stdout)

    return ask


def ids(answer):
    return [hit["id"] for hit in answer["hits"]]


class TestOne:
    def test_json_is_what_the_api_answers(self, related):
        answer = related(LIENQUAN_MODEL="no such model")
        assert set(answer) == set(RelatedList.model_fields) - {"took_ms"}
        assert set(answer["hits"][0]) == set(RelatedList.model_fields["hits"].annotation.__args__[0].model_fields)
        assert ids(answer)[0] == "an-ca"
        assert "luong" not in ids(answer)
        assert answer["hits"][0]["explanation"] is None

    def test_plain_lines_end_with_the_reasons(self, run, related):
        hits = related()["hits"]
        lines = run("related", "luong").stdout.splitlines()
        assert len(lines) == len(hits) == 4
        for line, hit in zip(lines, hits, strict=True):
            assert line.startswith(f"{hit['score']:.3f}  ")
            assert line.endswith(f"{hit['id']}  {hit['title']}  ({'; '.join(hit['reasons'])})")
        assert "  01/11/2023  an-ca" in lines[0]

    def test_a_preset_says_how_many(self, related):
        assert len(ids(related("--preset", "inline-teasers"))) <= PRESETS["inline-teasers"].limit
        newest = related("--preset", "same-section-newest")
        assert ids(newest) == ["toa"]
        assert newest["hits"][0]["reasons"] == ["same_section_newest"]
        assert len(ids(related("--limit", 2))) == 2

    def test_freshness_and_the_moment_it_is_counted_to(self, related):
        def fresh(*options):
            hits = related("--explain", *options)["hits"]
            return {hit["id"]: hit["explanation"]["freshness"] for hit in hits}

        day = ("--now", "2023-11-08T08:00:00+07:00")
        assert set(fresh("--freshness", "none").values()) == {1.0}
        assert fresh(*day)["an-ca"] == pytest.approx(0.35 + 0.65 * 2 ** (-5 / 21))
        assert fresh(*day, "--reference", "seed")["an-ca"] == pytest.approx(0.35 + 0.65 * 2 ** (-4 / 21))
        assert fresh(*day, "--freshness", "breaking")["an-ca"] < fresh(*day)["an-ca"]
        assert fresh("--now", "2023-11-02")["an-ca"] == 1.0

    def test_a_later_now_publishes_nothing(self, related):
        assert "mai" not in ids(related("--now", "2101-01-01"))

    def test_floor_diversity_and_exclusions(self, related):
        assert ids(related("--min-relevance", 1, LIENQUAN_FALLBACKS='["none"]')) == []
        pure = related("--diversity", 1, "--freshness", "none")
        scores = [hit["score"] for hit in pure["hits"]]
        assert scores == sorted(scores, reverse=True)
        left = ids(related("--exclude-id", "an-ca", "--exclude-id", "dien-cu", "--exclude-id", "khong-co"))
        assert sorted(left) == ["chay", "toa"]

    def test_filters(self, related):
        assert ids(related("--section", "việc làm")) == ["toa"]
        assert sorted(ids(related("--published-from", "2023-01-01"))) == ["an-ca", "chay"]

    def test_every_number(self, run, related):
        hits = related("--explain")["hits"]
        lines = run("related", "luong", "--explain").stdout.splitlines()
        assert len(lines) == 2 * len(hits)
        for told, hit in zip(lines[1::2], hits, strict=True):
            assert f"freshness {hit['explanation']['freshness']:.3f}" in told
            assert f"cosine {hit['similarity']:.3f}" in told

    def test_where_an_article_fell_out(self, run, related):
        assert related("--explain-id", "toa", "--section", "Đời sống")["explained"]["step"] == "filtered"
        assert run("related", "luong", "--explain-id", "mai").stdout.splitlines()[-1] == "mai: not_public"
        told = run("related", "luong", "--explain-id", "an-ca").stdout.splitlines()[-1]
        assert told.startswith("an-ca: listed 1  cosine ")

    def test_pins_that_are_missing_and_rules_that_touch(self, run, tmp_path):
        rules = tmp_path / "rules.jsonl"
        pins = [("p1", "chay", 1), ("p2", "mai", 2)]
        lines = [{"id": name, "kind": "pin", "article": article, "position": at} for name, article, at in pins]
        rules.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
        result = run("related", "luong", "--explain", LIENQUAN_RULES=str(rules))
        first, told = result.stdout.splitlines()[:2]
        assert first.endswith("chay  cháy kho giấy trong đêm  (tòa soạn chọn; bối cảnh, 01/2023)")
        assert told.endswith("  rule p1")
        assert "pin p2: mai: not public" in result.stderr

    @pytest.mark.parametrize("name", ["khong-co", "mai", "", "\udcff"])
    def test_no_such_article(self, run, name):
        assert "expected the id of a public article" in run("related", "--", name, status=1).stderr


class TestAll:
    def test_a_line_for_every_public_article(self, run, related):
        result = run("related", "--all", LIENQUAN_MODEL="no such model")
        lines = [json.loads(line) for line in result.stdout.splitlines()]
        assert [line["id"] for line in lines] == PUBLIC
        assert ids(lines[0]) == ids(related())
        assert set(lines[0]["hits"][0]) == {"id", "score", "relevance", "similarity", "reasons"}
        assert result.stderr.splitlines()[-1] == "related: 5 of 5"

    def test_options_hold_for_every_list(self, run):
        options = ("--preset", "same-section-newest", "--exclude-id", "toa", "--published-from", "2023-01-01")
        lines = [json.loads(line) for line in run("related", "--all", *options).stdout.splitlines()]
        assert {line["id"]: ids(line) for line in lines} == {
            "luong": [],
            "an-ca": ["chay"],
            "toa": ["luong"],
            "chay": ["an-ca"],
            "dien": ["an-ca", "chay"],
        }

    def test_the_same_moment_counts_for_all(self, run):
        moment = ("--now", "2023-11-08")
        assert run("related", "--all", *moment).stdout == run("related", "--all", *moment).stdout

    def test_into_a_file(self, run, tmp_path):
        out = tmp_path / "lists.jsonl"
        out.write_text("old", encoding="utf-8")
        moment = ("--now", "2023-11-08")
        assert run("related", "--all", "--out", out, *moment).stdout == ""
        assert out.read_text(encoding="utf-8") == run("related", "--all", *moment).stdout
        assert [*tmp_path.iterdir()] == [out]

    def test_a_run_that_breaks_off_leaves_the_file_as_it_was(self, run, tmp_path, monkeypatch):
        out = tmp_path / "lists.jsonl"
        out.write_text("old", encoding="utf-8")

        def broken(*_):
            yield BatchListOut(id="a")
            raise OSError("no space left")

        monkeypatch.setattr("service.answers.written.batch_lists", broken)
        assert "no space left" in run("related", "--all", "--out", out, status=1).stderr
        assert out.read_text(encoding="utf-8") == "old"
        assert [*tmp_path.iterdir()] == [out]

    def test_a_place_that_is_not_there(self, run, tmp_path):
        assert "none" in run("related", "--all", "--out", tmp_path / "none" / "x.jsonl", status=1).stderr
        assert "--out" in run("related", "--all", "--out", tmp_path, status=2).stderr

    def test_an_archive_with_nothing_public(self, run, tmp_path, publish):
        publish(tmp_path / "home", [LINES[-1]])
        assert run("related", "--all", "--home", tmp_path / "home").stdout == ""

    def test_several_chunks(self, run, monkeypatch):
        whole = run("related", "--all", "--now", "2023-11-08").stdout
        monkeypatch.setattr(exporting, "_AT_ONCE", 2)
        assert run("related", "--all", "--now", "2023-11-08").stdout == whole


@pytest.mark.parametrize(
    ("args", "words"),
    [
        ((), "expected either ID or --all"),
        (("luong", "--all"), "expected either ID or --all"),
        (("--all", "--explain"), "--explain"),
        (("--all", "--explain-id", "toa"), "--explain-id"),
        (("luong", "--out", "x"), "--out"),
        (("luong", "--limit", 51), "limit: '51': expected"),
        (("luong", "--limit", 0), "limit: '0': expected"),
        (("luong", "--diversity", 1.5), "diversity: '1.5': expected"),
        (("luong", "--min-relevance", -1), "min_relevance: '-1.0': expected"),
        (("luong", "--now", "mai"), "now: 'mai': expected"),
        (("luong", "--published-to", "x"), "published_to: 'x': expected"),
        (("luong", "--explain-id", "x" * 129), "explain_id: "),
        (("luong", "--preset", "x"), "--preset"),
        (("luong", "--freshness", "x"), "--freshness"),
        (("luong", "--reference", "x"), "--reference"),
        (("luong", "--sort", "newest"), "--sort"),
    ],
)
def test_wrong_use(run, args, words):
    result = run("related", *args, status=2)
    assert words in result.stderr
    assert result.stdout == ""


def test_choices_are_those_of_the_service():
    choices = {
        option.name: option.type.choices
        for option in main.commands["related"].params
        if hasattr(option.type, "choices")
    }
    assert [*choices["preset"]] == [*PRESETS]
    assert [*choices["freshness"]] == [*get_args(FreshnessName)]


class TestEvaluateDrafts:
    @pytest.fixture
    def qrels(self, tmp_path):
        path = tmp_path / "qrels.tsv"
        path.write_text("query-id\tcorpus-id\tscore\nluong\tan-ca\t1\n", encoding="utf-8")
        return path

    @pytest.mark.parametrize("kind", ["title", "start"])
    def test_it_says_so_and_leaves_the_article_out(self, run, qrels, tmp_path, kind):
        out = tmp_path / "run.trec"
        args = ("evaluate", "related", "--qrels", qrels, "--draft", kind, "--run-out", out)
        result = json.loads(run(*args, "--json").stdout)
        assert (result["draft"], result["ndcg@10"]) == (kind, 1.0)
        rows = [line.split() for line in out.read_text(encoding="utf-8").splitlines()]
        assert sorted(row[2] for row in rows) == sorted(set(PUBLIC) - {"luong"})
        assert {row[5] for row in rows} == {f"lienquan-related-relevance-{kind}"}

    def test_without_it_nothing_is_said_of_drafts(self, run, qrels):
        assert "draft" not in json.loads(run("evaluate", "related", "--qrels", qrels, "--json").stdout)

    def test_wrong_use(self, run, qrels, tmp_path):
        queries = tmp_path / "q.jsonl"
        queries.write_text('{"id": "luong", "text": "x"}\n', encoding="utf-8")
        result = run("evaluate", "search", "--qrels", qrels, "--queries", queries, "--draft", "title", status=2)
        assert "--draft" in result.stderr
        run("evaluate", "related", "--qrels", qrels, "--draft", "end", status=2)
