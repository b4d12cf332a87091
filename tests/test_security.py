"""SECURITY.md and docs/asvs.md: every requirement once, every file that is named there, no claim without a place."""

import re
from collections import Counter

import pytest

from tests.test_structure import ROOT

STANDARD = """
V1.1: 1 2
V1.2: 1* 2* 3* 4* 5* 6 7 8 9
V1.3: 1* 2* 3 4 5 6 7 8 9 10 11
V1.4: 1 2 3
V1.5: 1* 2
V2.1: 1* 2 3
V2.2: 1* 2* 3
V2.3: 1* 2 3 4
V2.4: 1
V3.2: 1* 2*
V3.3: 1* 2 3 4
V3.4: 1* 2* 3 4 5 6
V3.5: 1* 2* 3* 4 5
V3.7: 1 2
V4.1: 1* 2 3
V4.2: 1
V4.3: 1 2
V4.4: 1* 2 3 4
V5.1: 1
V5.2: 1* 2* 3
V5.3: 1* 2*
V5.4: 1 2 3
V6.1: 1* 2 3
V6.2: 1* 2* 3* 4* 5* 6* 7* 8* 9 10 11 12
V6.3: 1* 2* 3 4
V6.4: 1* 2* 3 4
V6.5: 1 2 3 4 5
V6.6: 1 2 3
V6.8: 1 2 3 4
V7.1: 1 2 3
V7.2: 1* 2* 3* 4*
V7.3: 1 2
V7.4: 1* 2* 3 4 5
V7.5: 1 2
V7.6: 1 2
V8.1: 1* 2
V8.2: 1* 2* 3
V8.3: 1*
V8.4: 1
V9.1: 1* 2* 3*
V9.2: 1* 2 3 4
V10.1: 1 2
V10.2: 1 2
V10.3: 1 2 3 4
V10.4: 1* 2* 3* 4* 5* 6 7 8 9 10 11
V10.5: 1 2 3 4 5
V10.6: 1 2
V10.7: 1 2 3
V11.1: 1 2
V11.2: 1 2 3
V11.3: 1* 2* 3
V11.4: 1* 2 3 4
V11.5: 1
V11.6: 1
V12.1: 1* 2 3
V12.2: 1* 2*
V12.3: 1 2 3 4
V13.1: 1
V13.2: 1 2 3 4 5
V13.3: 1 2
V13.4: 1* 2 3 4 5
V14.1: 1 2
V14.2: 1* 2 3 4
V14.3: 1* 2 3
V15.1: 1* 2 3
V15.2: 1* 2 3
V15.3: 1* 2 3 4 5 6 7
V16.1: 1
V16.2: 1 2 3 4 5
V16.3: 1 2 3 4
V16.4: 1 2 3
V16.5: 1 2 3
V17.1: 1
V17.2: 1 2 3 4
V17.3: 1 2
"""
"""The requirements of ASVS 5.0.0 by section, those of level 1 with a star, the others of level 2."""
REQUIREMENTS = {
    f"{section}.{number.rstrip('*')}": "1" if number.endswith("*") else "2"
    for section, numbers in (line.split(": ") for line in STANDARD.strip().splitlines())
    for number in numbers.split()
}
DOORS = (
    *("readers' pages", "search, related, suggest", "drafts", "writing", "the newsroom's pages", "provider", "feeds"),
    *("files", "clicks", "headers of proxies", "home on disk", "snapshots", "backups", "logs", "packages", "models"),
)


def rows():
    """Return the rows of docs/asvs.md: number, level, what, answer, why."""
    text = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
    return [[cell.strip() for cell in line.strip("| ").split(" | ")] for line in text.splitlines() if line[:3] == "| V"]


def files(text):
    """Return what a text names that looks like a file of the repository."""
    named = re.findall(r"`([\w./-]+)`", text)
    return [name for name in named if re.fullmatch(r"(?:service|indexer|models|tests|docs|deploy)/.*|.*\.toml", name)]


class TestStandard:
    def test_the_list_is_whole(self):
        """70 requirements are of level 1, and 183 more of level 2."""
        assert Counter(REQUIREMENTS.values()) == {"1": 70, "2": 183}

    def test_each_requirement_stands_once_in_its_order_with_its_level(self):
        assert [(row[0], row[1]) for row in rows()] == list(REQUIREMENTS.items())

    def test_each_is_answered_and_says_why(self):
        for number, _, what, answer, why in rows():
            assert answer in {"yes", "no", "n/a"}, number
            assert what, number
            assert why, number

    def test_what_is_done_names_where(self):
        for number, _, _, answer, why in rows():
            if answer == "yes":
                assert files(why) or ".dockerignore" in why or "SECURITY.md" in why, number

    def test_the_sums_are_right(self):
        text = (ROOT / "docs" / "asvs.md").read_text(encoding="utf-8")
        counted = Counter((row[1], row[3]) for row in rows())
        for level in "12":
            numbers = [str(counted[level, answer]) for answer in ("yes", "no", "n/a")]
            assert f"| level {level} | {' | '.join(numbers)} |" in text


@pytest.mark.parametrize("page", ["SECURITY.md", "docs/asvs.md"])
def test_every_file_that_is_named_is_there(page):
    text = (ROOT / page).read_text(encoding="utf-8")
    found = files(text)
    assert len(found) > 10
    assert [name for name in found if not (ROOT / name).exists()] == []
    for target in re.findall(r"\]\((?!https?:)([^)#]+)", text):
        assert ((ROOT / page).parent / target).exists(), target


def test_sections_that_are_referred_to_are_there():
    own = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    headings = set(re.findall(r"^#+ (.*)$", own, re.MULTILINE))
    for row in rows():
        for name in re.findall(r"SECURITY\.md\)? \(([^)]+)\)", row[4].replace("](../SECURITY.md)", " SECURITY.md)")):
            assert name in headings, row[0]
        for page, names in re.findall(r"`(docs/\w+\.md)` \(([^)]+)\)", row[4]):
            text = (ROOT / page).read_text(encoding="utf-8")
            for name in re.split("[,;] ", names):
                assert f"# {name}" in text or name.startswith("the "), f"{row[0]}: {page}: {name}"


def test_the_threat_model_has_every_door_and_says_what_is_left():
    text = (ROOT / "SECURITY.md").read_text(encoding="utf-8")
    table = text.partition("## Doors")[2].partition("\n## ")[0]
    doors = [
        [cell.strip() for cell in line.strip("| ").split(" | ")] for line in table.splitlines() if line[:2] == "| "
    ]
    assert all(len(door) == 4 and all(door) for door in doors)
    for name in DOORS:
        assert [door for door in doors if name in door[0]], name
    letters = {letter for door in doors[2:] for letter in re.findall(r"[STRIDE]", door[0].rpartition("(")[2])}
    assert letters == set("STRIDE")
