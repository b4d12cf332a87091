"""`lienquan rules`: what each command writes and prints, and how it ends."""

import getpass
import json
import logging
import subprocess
import sys

import pytest
from click.testing import CliRunner

from service.cli import main
from service.rules.file import history

LINES = [
    {"id": "bão-1", "title": "bão vào vịnh", "section": "Thời sự", "aliases": ["cũ"]},
    {"id": "mai", "title": "tin ngày mai", "published_at": "2100-01-01"},
]


@pytest.fixture(autouse=True)
def logging_as_it_was():
    """Put back what the console script does to logging: it owns its process, here it does not."""
    root = logging.getLogger()
    loggers = [root, *map(logging.getLogger, ("models", "indexer", "service"))]
    handlers, levels = root.handlers[:], [logger.level for logger in loggers]
    yield
    root.handlers[:] = handlers
    for logger, level in zip(loggers, levels, strict=True):
        logger.setLevel(level)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "rules.jsonl"


@pytest.fixture
def run(path):
    """Return a function that runs a command of `rules` with the file in the environment."""

    def invoke(*args, status=0, error="", **environment):
        env = {"LIENQUAN_RULES": str(path), "LIENQUAN_HOME": None, **environment}
        result = CliRunner().invoke(main, ["rules", *map(str, args)], env=env)
        assert result.exit_code == status, (result.stdout, result.stderr, result.exception)
        assert error in result.stderr
        assert "Traceback" not in result.stderr
        return result.stdout

    return invoke


def written(path):
    lines = path.read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines if not line.startswith("#: ")]


class TestAdding:
    @pytest.mark.parametrize(
        ("args", "rule", "told"),
        [
            (
                ("pin", "bão-1", "--position", "2"),
                {"kind": "pin", "article": "bão-1", "position": 2},
                "pin bão-1 at 2  in every list",
            ),
            (
                (
                    *("pin", "b", "--position", 1, "--for-id", "a", "--for-id", "c", "--for-section", "Thời sự"),
                    *("--from", "2026-04-01", "--until", "2026-04-30T12:00", "--note", "vì\nbão"),
                ),
                {
                    **{
                        "kind": "pin",
                        "article": "b",
                        "position": 1,
                        "for": {"ids": ["a", "c"], "sections": ["Thời sự"]},
                    },
                    **{"from": "2026-04-01", "until": "2026-04-30T12:00:00+07:00", "note": "vì\nbão"},
                },
                "pin b at 1  under a, under c, under section Thời sự  from 2026-04-01  until 2026-04-30T12:00:00+07:00"
                "  (vì bão)",
            ),
            (("block", "a"), {"kind": "block", "article": "a"}, "block article a  in every list"),
            (
                ("block", "--tag", "quảng cáo", "--for-section", "A"),
                {"kind": "block", "tag": "quảng cáo", "for": {"sections": ["A"]}},
                "block tag quảng cáo  under section A",
            ),
            (
                ("boost", "--source", "Báo Đèn", "--factor", "1.5"),
                {"kind": "boost", "source": "Báo Đèn", "factor": 1.5},
                "boost source Báo Đèn by 1.5  in every list",
            ),
            (
                ("boost", "a", "--factor", "2"),
                {"kind": "boost", "article": "a", "factor": 2.0},
                "boost article a by 2  in every list",
            ),
            (
                ("section", "--for-section", "A", "--only", "A", "--only", "B"),
                {"kind": "section", "only": ["A", "B"], "for": {"sections": ["A"]}},
                "only A, B  under section A",
            ),
            (("section", "--never", "C"), {"kind": "section", "never": ["C"]}, "never C  in every list"),
        ],
    )
    def test_a_rule_is_written_and_told(self, run, path, args, rule, told):
        said = run(*args)
        (line,) = written(path)
        rule_id = line.pop("id")
        assert line == rule
        assert said == f"{rule_id}  {told}\n"
        (entry,) = history(path)
        assert (entry.did, entry.id, entry.why, entry.by) == ("added", rule_id, rule.get("note"), getpass.getuser())
        assert run("list").startswith(f"{rule_id}  {told}")

    @pytest.mark.parametrize(
        ("args", "error"),
        [
            (("pin", "a"), "Missing option '--position'"),
            (("pin", "--position", "1"), "Missing argument 'ID'"),
            (("pin", "a", "--position", "0"), "position: 0: expected greater than or equal to 1"),
            (("pin", "a/b", "--position", "1"), "article: 'a/b': expected 1 to 128 characters"),
            (("pin", "a", "--position", "1", "--for-id", ""), "for.ids.0: '': expected 1 to 128 characters"),
            (("pin", "a", "--position", "1", "--until", "mai"), "until: 'mai': expected an ISO 8601 time"),
            (("block",), "tag: nothing: expected one of article, section, source, author, tag, found 0"),
            (("block", "a", "--tag", "b"), "tag: 'b': expected one of article, section, source, author, tag, found 2"),
            (("boost", "a"), "Missing option '--factor'"),
            (("boost", "a", "--factor", "11"), "factor: 11.0: expected less than or equal to 10"),
            (("section", "--for-section", "A"), "never: nothing: expected one of only, never, found 0"),
            (("section", "--only", "A", "--never", "B"), "never: ['B']: expected one of only, never, found 2"),
        ],
    )
    def test_wrong_use_writes_nothing(self, run, path, args, error):
        assert run(*args, status=2, error=error) == ""
        assert not path.exists()

    def test_without_a_file(self, run):
        run("block", "a", status=2, error="Missing option '--rules'", LIENQUAN_RULES=None)

    def test_the_same_rule_twice(self, run, path):
        run("block", "a")
        assert run("block", "a", "--note", "lần nữa", status=1, error="stands in rules.jsonl:2") == ""
        assert len(written(path)) == 1

    def test_a_place_that_cannot_be_written(self, run, tmp_path):
        run("block", "a", "--rules", tmp_path / "no" / "rules", status=1, error="No such file or directory")
        run("block", "a", "--rules", tmp_path, status=1, error="it is not a file")

    def test_two_editors_at_once(self, run, path):
        run("block", "đầu")
        code = "from service.cli import main; main()"
        calls = [
            subprocess.Popen(
                [sys.executable, "-c", code, "rules", "block", f"a{at}", "--rules", path], stdout=subprocess.PIPE
            )
            for at in range(3)
        ]
        told = [call.communicate()[0].decode().split()[0] for call in calls]
        assert [call.returncode for call in calls] == [0, 0, 0]
        assert {line["article"] for line in written(path)} == {"đầu", "a0", "a1", "a2"}
        assert set(told) <= {line["id"] for line in written(path)}


class TestRemove:
    def test_other_lines_stay(self, run, path):
        path.write_text('# lời\n{"kind": "block", "tag": "a"}\nhỏng\n', encoding="utf-8")
        rule_id = run("list").split()[0]
        assert run("remove", rule_id, "--note", "nhầm") == f"removed {rule_id}\n"
        assert path.read_text(encoding="utf-8").startswith("# lời\nhỏng\n#: ")
        (entry,) = history(path)
        assert (entry.did, entry.why, entry.rule["tag"]) == ("removed", "nhầm", "a")
        run("remove", rule_id, status=1, error=f"id: '{rule_id}': expected the id of a rule in rules.jsonl")

    def test_no_file(self, run):
        run("remove", "a", status=1, error="No such file")


class TestCheck:
    def test_good(self, run, path):
        run("block", "a")
        assert run("check", path) == run("check") == "rules: 1, problems: 0\n"

    def test_bad(self, run, path):
        path.write_text('{"kind": "block", "tag": "a"}\n{"kind": "block"}\nhỏng\n', encoding="utf-8")
        said = run("check", path, status=1, error="rules.jsonl:2: tag: nothing: expected one of article")
        assert said == "rules: 1, problems: 2\n"
        run("check", path, status=1, error="rules.jsonl:3: 'hỏng': expected a JSON object")

    def test_no_file(self, run, path):
        run("check", path, status=1, error="cannot be read: No such file or directory")
        run("check", status=2, error="Missing argument 'FILE'", LIENQUAN_RULES=None)


class TestList:
    @pytest.fixture
    def home(self, publish, tmp_path):
        publish(tmp_path / "home", LINES)
        return tmp_path / "home"

    def test_what_is_amiss(self, run, path, home):
        path.write_text(
            '{"id": "1", "kind": "pin", "article": "mai", "position": 1, "for": {"ids": ["cũ", "lạ"]}}\n'
            '{"id": "2", "kind": "block", "article": "bão-1", "until": "2000-01-01"}\n'
            '{"id": "3", "kind": "block", "article": "lạ", "from": "2100-01-01"}\n'
            '{"id": "4", "kind": "block"}\n',
            encoding="utf-8",
        )
        problem = "rules.jsonl:4: tag: nothing: expected one of article"
        assert run("list", "--home", home, error=problem).splitlines() == [
            "1  pin mai at 1  under cũ, under lạ  [mai: not public; lạ: no such article]",
            "2  block article bão-1  in every list  until 2000-01-01  [over]",
            "3  block article lạ  in every list  from 2100-01-01  [not begun; lạ: no such article]",
        ]
        assert run("list").splitlines()[0] == "1  pin mai at 1  under cũ, under lạ"
        said = json.loads(run("list", "--json", LIENQUAN_HOME=str(home)))
        assert [row["period"] for row in said["rules"]] == ["in force", "over", "not begun"]
        assert [row["rule"] for row in said["rules"]] == written(path)[:3]
        assert [row["missing"] for row in said["rules"]] == [
            [{"article": "mai", "reason": "not public"}, {"article": "lạ", "reason": "no such article"}],
            [],
            [{"article": "lạ", "reason": "no such article"}],
        ]
        assert len(said["problems"]) == 1

    def test_a_home_without_a_snapshot(self, run, tmp_path):
        run("block", "a")
        said = run("list", "--home", tmp_path / "empty", error="no snapshot is published yet")
        assert said.endswith("block article a  in every list\n")

    def test_no_file(self, run):
        run("list", status=1, error="rules.jsonl: cannot be read: No such file or directory")


class TestHistory:
    def test_it_is_told_oldest_first(self, run, path):
        run("block", "--tag", "a", "--note", "vì\nthế")
        rule_id = run("list").split()[0]
        run("remove", rule_id)
        added, removed = run("history").splitlines()
        who = getpass.getuser()
        assert added.endswith(f"  {who}  added {rule_id} (vì thế)")
        assert removed.endswith(f"  {who}  removed {rule_id}")
        said = json.loads(run("history", "--json"))
        assert [(one["did"], one["by"], one["why"]) for one in said] == [
            ("added", who, "vì\nthế"),
            ("removed", who, None),
        ]
        assert said[1]["rule"]["tag"] == "a"

    def test_none_and_no_file(self, run, path):
        run("history", status=1, error="cannot be read: No such file")
        path.write_text("# lời\n", encoding="utf-8")
        assert run("history") == ""
        assert run("history", "--json") == "[]\n"
