"""What an editors' rule may say, and what is wrong with a line that is none."""

import json
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.rules.lines import NO_RULES, BlockRule, BoostRule, PinRule, Rules, SectionRule, make, numbered, parse

VIETNAM = timezone(timedelta(hours=7))
PIN = {"kind": "pin", "article": "bão-1", "position": 1}
BLOCK = {"kind": "block", "tag": "quảng cáo"}


def lines(*found):
    return "".join((line if isinstance(line, str) else json.dumps(line, ensure_ascii=False)) + "\n" for line in found)


def rules(*found):
    """Return the rules of lines without problems."""
    said = parse(lines(*found).encode(), "rules.jsonl")
    assert said.problems == ()
    return list(said.rules)


def rule(**fields):
    made = make(fields)
    assert not isinstance(made, list), made
    return made


class TestParse:
    def test_every_kind(self):
        found = rules(
            "# lời",
            {**PIN, "id": "đầu", "for": {"ids": ["a", "b"], "sections": [" Thời  sự "]}, "note": " vì\nbão "},
            "",
            BLOCK,
            '  {"kind": "boost", "article": "x", "factor": 2}  ',
            {"kind": "section", "for": {"sections": ["A"]}, "only": ["A", "B"]},
            {"kind": "section", "never": ["C"]},
        )
        assert [type(rule) for rule in found] == [PinRule, BlockRule, BoostRule, SectionRule, SectionRule]
        pin, block, boost, only, never = found
        assert (pin.id, pin.article, pin.position, pin.note) == ("đầu", "bão-1", 1, "vì\nbão")
        assert (pin.scope.ids, pin.scope.sections) == (["a", "b"], ["Thời sự"])
        assert block.target == ("tag", "quảng cáo")
        assert block.scope is None
        assert (boost.target, boost.factor) == (("article", "x"), 2.0)
        assert (only.only, only.never, never.only, never.never) == (["A", "B"], None, None, ["C"])

    @pytest.mark.parametrize("content", [b"", b"\n \n", b"\xef\xbb\xbf# a\r\n#b", b"#" * 300_000])
    def test_nothing(self, content):
        assert parse(content, "r") == NO_RULES

    def test_ends_of_lines_and_a_mark_at_the_start(self):
        text = "\ufeff" + json.dumps(BLOCK) + "\r\n" + json.dumps(PIN)
        assert [rule.kind for rule in parse(text.encode(), "r").rules] == ["block", "pin"]

    @pytest.mark.parametrize(
        ("line", "problem"),
        [
            ("[]", "[]: expected a JSON object"),
            ("{", "'{': expected a JSON object: Expecting property name enclosed in double quotes at character 2"),
            ("[" * 150_000, f"'{'[' * 119}…: expected a JSON object that is less deep"),
            (
                f'{{"a": "{"b" * 200_000}"}}',
                f"""'{{"a": "{"b" * 112}…: expected at most 200000 characters, not 200009""",
            ),
            ('{"kind": "block", "tag": "a", "tag": "b"}', None),
            ({}, "kind: nothing: expected one of pin, block, boost, section"),
            ({"kind": "ghim"}, "kind: 'ghim': expected one of pin, block, boost, section"),
            ({"kind": ["pin"]}, "kind: ['pin']: expected one of pin, block, boost, section"),
            ({"kind": "pin", "article": "a"}, "position: nothing: required"),
            ({**PIN, "position": 0}, "position: 0: expected greater than or equal to 1"),
            ({**PIN, "position": 51}, "position: 51: expected less than or equal to 50"),
            ({**PIN, "position": "1"}, "position: '1': expected a whole number"),
            ({**PIN, "position": True}, "position: True: expected a whole number"),
            ({**PIN, "article": 7}, "article: 7: expected a string"),
            (
                {**PIN, "id": ""},
                "id: '': expected 1 to 128 characters, no control characters, no '/', no outer blanks, not '.' or '..'",
            ),
            ({**PIN, "for": "A"}, "for: 'A': expected an object with ids, sections or both"),
            ({**PIN, "for": {}}, "for: {}: expected ids, sections or both; a rule for every list has no `for`"),
            ({**PIN, "for": {"ids": []}}, "for.ids: []: expected one at least"),
            ({**PIN, "for": {"ids": "a"}}, "for.ids: 'a': expected a list"),
            ({**PIN, "for": {"ids": ["a"], "tags": ["b"]}}, "for.tags: ['b']: unknown field: expected ids, sections"),
            ({**PIN, "for": {"sections": ["A", " "]}}, "for.sections.1: ' ': expected a string that is not empty"),
            ({**PIN, "from": "mai"}, "from: 'mai': expected an ISO 8601 time such as 2023-11-07T17:04:00+07:00"),
            (
                {**PIN, "until": 5},
                "until: 5: expected a date such as 2023-11-07 or a time such as 2023-11-07T17:04:00+07:00",
            ),
            ({**PIN, "from": "2026-04-02", "until": "2026-04-01"}, "until: '2026-04-01': expected a time after `from`"),
            (
                {**PIN, "tag": "a"},
                "tag: 'a': unknown field: expected article, for, from, id, kind, note, position, until",
            ),
            ({"kind": "block"}, "tag: nothing: expected one of article, section, source, author, tag, found 0"),
            (
                {**BLOCK, "source": "b"},
                "tag: 'quảng cáo': expected one of article, section, source, author, tag, found 2",
            ),
            ({**BLOCK, "tag": ""}, "tag: '': expected a string that is not empty"),
            ({**BLOCK, "kind": "boost"}, "factor: nothing: required"),
            ({**BLOCK, "kind": "boost", "factor": 0}, "factor: 0: expected greater than or equal to 0.1"),
            ({**BLOCK, "kind": "boost", "factor": float("nan")}, "factor: nan: expected less than or equal to 10"),
            ({**BLOCK, "kind": "boost", "factor": "2"}, "factor: '2': expected a number"),
            ({"kind": "section"}, "never: nothing: expected one of only, never, found 0"),
            ({"kind": "section", "only": ["a"], "never": ["b"]}, "never: ['b']: expected one of only, never, found 2"),
            ({"kind": "section", "only": []}, "only: []: expected one at least"),
        ],
    )
    def test_a_bad_line_is_a_problem_and_the_others_count(self, line, problem):
        if problem is None:
            problem = f"{line!r}: expected each field once, not 'tag' twice"
        said = parse(lines(PIN, line, BLOCK).encode(), "rules.jsonl")
        assert said.problems == (f"rules.jsonl:2: {problem}",)
        assert [rule.kind for rule in said.rules] == ["pin", "block"]

    def test_every_fault_of_a_line_is_told(self):
        said = parse(lines({"kind": "boost", "tag": 1, "factor": "a"}).encode(), "r")
        assert said.problems == ("r:1: tag: 1: expected a string", "r:1: factor: 'a': expected a number")

    def test_bytes_that_are_no_text(self):
        said = parse(b'{"kind": "block", "tag": "\xff"}\n' + lines(BLOCK).encode(), "r")
        assert said.problems == ('r:1: \'{"kind": "block", "tag": "\ufffd"}\': expected text in UTF-8',)
        assert len(said.rules) == 1

    def test_two_lines_of_one_id(self):
        said = parse(lines({**PIN, "id": "a"}, "", {**BLOCK, "id": "a"}, {**BLOCK, "id": "b"}).encode(), "r")
        assert said.problems == ("r:3: id: 'a': expected an id of its own, not that of line 1",)
        assert [(rule.id, rule.kind) for rule in said.rules] == [("a", "pin"), ("b", "block")]

    @given(st.text(st.one_of(st.sampled_from('{}[]":,\n\r#0 kindpbloc'), st.characters(exclude_categories=["Cs"]))))
    def test_any_text_gives_problems_of_one_printable_line(self, text):
        said = parse(text.encode(), "r")
        assert all(problem.startswith("r:") and problem.isprintable() for problem in said.problems)

    @given(st.binary())
    def test_lines_join_to_the_file_again(self, content):
        found = list(numbered(content))
        assert b"".join(line for _, line in found) == content
        assert [number for number, _ in found] == list(range(1, len(found) + 1))


class TestRule:
    def test_a_line_says_the_rule_again(self):
        given = {
            **{"id": "a", "kind": "boost", "tag": "bão", "factor": 1.5, "for": {"ids": ["x"]}},
            **{"from": "2026-04-01", "until": "2026-04-30T12:00:00+07:00", "note": "vì"},
        }
        line = rule(**given).line()
        assert json.loads(line) == given
        assert list(json.loads(line)) == list(given)
        assert "bão" in line

    def test_an_id_of_the_content(self):
        one = rule(**PIN)
        assert one.id == rule(**PIN, note="khác").id == rule(**dict(reversed(PIN.items()))).id
        assert one.id.startswith("r-")
        others = [{"position": 2}, {"article": "b"}, {"until": "2026-04-01"}, {"for": {"ids": ["a"]}}]
        assert len({one.id, *(rule(**{**PIN, **other}).id for other in others)}) == 5
        assert rule(**PIN, until="2026-04-01T07:00").id == rule(**PIN, until="2026-04-01T00:00Z").id

    @pytest.mark.parametrize(
        ("period", "now", "expected"),
        [
            ({}, datetime(1, 1, 2, tzinfo=UTC), "in force"),
            # a day is one of Vietnam's, both ends inclusive
            ({"from": "2026-04-01"}, datetime(2026, 3, 31, 16, 59, 59, 999999, UTC), "not begun"),
            ({"from": "2026-04-01"}, datetime(2026, 3, 31, 17, tzinfo=UTC), "in force"),
            ({"until": "2026-04-01"}, datetime(2026, 4, 1, 23, 59, 59, 999999, VIETNAM), "in force"),
            ({"until": "2026-04-01"}, datetime(2026, 4, 2, tzinfo=VIETNAM), "over"),
            ({"from": "2026-04-01", "until": "2026-04-01"}, datetime(2026, 4, 1, 12, tzinfo=VIETNAM), "in force"),
            ({"until": "2026-04-01T10:00"}, datetime(2026, 4, 1, 10, tzinfo=VIETNAM), "in force"),
            ({"until": "2026-04-01T10:00"}, datetime(2026, 4, 1, 10, 0, 0, 1, VIETNAM), "over"),
        ],
    )
    def test_period(self, period, now, expected):
        assert rule(**PIN, **period).period(now) == expected

    def test_a_revision_of_what_the_rules_say(self):
        one, other = Rules((rule(**PIN),)), Rules((rule(**PIN), rule(**BLOCK)))
        assert one.revision == Rules((rule(**PIN),), ("a problem",)).revision
        assert len({one.revision, other.revision, NO_RULES.revision, Rules(other.rules[::-1]).revision}) == 4
