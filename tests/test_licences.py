"""Every package that runs in production has a licence that an MIT product may be installed with, and is told of."""

import importlib.metadata
import json
import re
import runpy
import tomllib

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.test_lock import SUPPLY, applies, pins
from tests.test_structure import ROOT

BILL = runpy.run_path(str(SUPPLY / "bill.py"))
AUDIT = runpy.run_path(str(SUPPLY / "audit.py"))
FREE = {
    *("MIT", "MIT-0", "0BSD", "BSD-2-Clause", "BSD-3-Clause", "Apache-2.0", "Apache-2.0 WITH LLVM-exception", "ISC"),
    *("PSF-2.0", "CNRI-Python", "Zlib", "BSL-1.0", "CC0-1.0"),
}
"""Licences that ask for their own text alone."""
WITH_A_WORD = {"MPL-1.1", "MPL-2.0", "LGPL-3.0-only"}
"""Licences that ask for the source of what was changed: each such package says how it is used."""


def rows():
    text = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    found = [[cell.strip() for cell in line.strip("| ").split("|")] for line in text.splitlines() if line[:2] == "| "]
    return {canonicalize_name(row[0]): (*row, "")[:4] for row in found[2:]}


def fits(expression, allowed):
    """Tell whether one alternative of an SPDX expression without brackets is allowed in all of its parts."""
    assert "(" not in expression
    return any(set(each.split(" AND ")) <= allowed for each in expression.split(" OR "))


@pytest.mark.parametrize(
    ("expression", "allowed", "expected"),
    [
        ("MIT", {"MIT"}, True),
        ("GPL-3.0-only", {"MIT"}, False),
        ("MIT AND GPL-3.0-only", {"MIT"}, False),
        ("GPL-3.0-only OR MIT", {"MIT"}, True),
    ],
)
def test_what_fits_by_hand(expression, allowed, expected):
    assert fits(expression, allowed) is expected


class TestPage:
    def test_every_licence_fits_and_those_that_ask_for_more_have_a_word(self):
        assert len(rows()) > 80
        for name, _, expression, remark in rows().values():
            assert fits(expression, FREE) or (fits(expression, FREE | WITH_A_WORD) and remark), name

    def test_every_release_is_the_pinned_one(self):
        pinned = {**pins(SUPPLY / "pip.txt"), **pins(ROOT / "constraints.txt")}
        assert {name: row[1] for name, row in rows().items()} == {name: pinned[name] for name in rows()}

    def test_all_that_runs_in_production_is_told_of(self):
        """Walks what is installed here from what is declared; an extra that is not installed is looked up by name."""
        project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
        extras = [line for name, lines in project["optional-dependencies"].items() if name != "dev" for line in lines]
        waiting = [Requirement(line) for line in [*project["dependencies"], *extras]]
        seen = set()
        while waiting:
            wanted = waiting.pop()
            name = canonicalize_name(wanted.name)
            if name == "lienquan" or str(wanted) in seen or (wanted.marker and not applies(wanted, ())):
                continue
            seen.add(str(wanted))
            assert name in rows(), f"{name} is not in docs/licences.md: run `make sbom`"
            for line in importlib.metadata.requires(name) or []:
                below = Requirement(line)
                if applies(below, wanted.extras) and canonicalize_name(below.name) not in ("redis", "async-timeout"):
                    below.marker = None
                    waiting.append(below)
        assert "redis" in rows()

    def test_nothing_of_development_is_among_it(self):
        assert {"pytest", "ruff", "mypy", "playwright", "schemathesis", "hypothesis", "uv"} & set(rows()) == set()

    def test_the_models_licence_is_told(self):
        text = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
        assert "`intfloat/multilingual-e5-small`, is MIT" in text
        assert BILL["MODEL"]["licenses"] == [{"license": {"id": "MIT"}}]


class TestBill:
    @pytest.mark.parametrize(
        ("component", "expected"),
        [
            ({"name": "a", "licenses": [{"expression": "MIT OR ISC"}]}, "MIT OR ISC"),
            ({"name": "a", "licenses": [{"license": {"id": "ISC"}}]}, "ISC"),
            ({"name": "a", "licenses": [{"license": {"name": "License :: OSI Approved :: MIT License"}}]}, "MIT"),
            ({"name": "a", "licenses": [{"license": {"name": "x"}}, {"license": {"id": "ISC"}}]}, "ISC"),
            ({"name": "protobuf"}, "BSD-3-Clause"),
        ],
    )
    def test_licence_by_hand(self, component, expected):
        assert BILL["licence"](component) == expected

    @pytest.mark.parametrize("said", [{}, {"licenses": [{"license": {"name": "our own"}}]}])
    def test_an_unknown_licence_is_an_error_that_names_the_package(self, said):
        with pytest.raises(ValueError, match="a: names no licence"):
            BILL["licence"]({"name": "a", **said})

    def test_a_bill_is_completed_with_the_model_and_shown_without_it(self):
        bill = BILL["complete"]({"components": [{"type": "library", "name": "protobuf", "version": "1+cpu"}]})
        assert [each["name"] for each in bill["components"]] == ["protobuf", "intfloat/multilingual-e5-small"]
        assert bill["components"][0]["licenses"] == [{"license": {"id": "BSD-3-Clause"}}]
        assert BILL["page"](bill["components"]).splitlines()[-1] == "| protobuf | 1 | BSD-3-Clause |  |"


class TestAudit:
    CLEAN = {"name": "a", "version": "1", "vulns": []}
    KNOWN = {"name": "b", "version": "2", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2.1"]}]}
    SKIPPED = {"name": "c", "skip_reason": "not found"}

    @pytest.mark.parametrize(
        ("report", "asked", "status"),
        [
            ({"dependencies": [CLEAN]}, 1, 0),
            ({"dependencies": [CLEAN, KNOWN]}, 2, 1),
            ({"dependencies": [CLEAN, SKIPPED]}, 2, 3),  # pip-audit itself ends with 0 here
            ({"dependencies": [KNOWN, SKIPPED]}, 2, 3),
            ({"dependencies": [CLEAN]}, 2, 3),
            ({"dependencies": []}, 1, 3),
            (None, 1, 3),
        ],
    )
    def test_status(self, report, asked, status):
        found, said = AUDIT["verdict"](report, asked, "osv")
        assert found == status
        assert ("NOT AUDITED" in " ".join(said)) is (status == 3)
        assert ("b 2: PYSEC-1, mended in 2.1" in said) is ("PYSEC-1" in json.dumps(report))

    def test_releases_of_other_platforms_are_not_asked_about(self):
        lock = 'six==1 \\\n    --hash=sha256:0\nwin==2 ; sys_platform == "win32" \\\n    --hash=sha256:1\n'
        assert AUDIT["releases"](lock) == 1

    def test_it_asks_about_every_lock(self):
        assert {path.name for path in AUDIT["LOCKS"]} == {"constraints.txt", "pip.txt", "tools.txt"}
        assert all(re.search("==", path.read_text(encoding="utf-8")) for path in AUDIT["LOCKS"])
