"""README.md, docs/ and deploy/README.md tell the truth about commands, settings, addresses and what is decided how."""

import re
import shlex
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest

from service.answers.endpoints import endpoints_of
from service.observing.hourly import DAY
from service.ranking.freshness import FADINGS
from service.ranking.presets import PRESETS
from service.related.reasons import EVENT_DAYS
from service.related.relating import LOOKED_AT
from service.schemas import RelatedOptions
from service.settings import Settings
from service.wording import strings
from tests import help_text
from tests.test_deploy import check_call
from tests.test_structure import COMMANDS

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted(
    page.relative_to(ROOT).as_posix()
    for page in (README, *ROOT.glob("docs/*.md"), ROOT / "deploy" / "README.md", ROOT / "SECURITY.md")
    if page != help_text.PATH
)

_OTHER = {"settings", "name", "key"}
"""What else is written so: the settings file, any setting, and a constant of the plugin for WordPress."""


def text(page):
    return (ROOT / page).read_text(encoding="utf-8")


def blocks(page):
    """Return the code blocks of a page: language and content."""
    return re.findall(r"^```(\w*)\n(.*?)^```", text(page), re.MULTILINE | re.DOTALL)


def calls(page):
    """Return what follows `lienquan` in the code of a page, in blocks and within lines."""
    joined = [content.replace("\\\n", " ") for language, content in blocks(page) if not language]
    lines = [line for content in joined for line in content.splitlines()]
    found = [re.search(r"(?:^|/bin/|KEY\) )lienquan (?!:)(.*)", line) for line in lines]
    within = re.findall(r"`lienquan ([^`]+)`", text(page).replace("\n", " "))
    return [each[1] for each in found if each and not each[1].startswith("/")] + within


def test_commands_page_is_what_the_commands_say():
    assert help_text.PATH.read_text(encoding="utf-8") == help_text.generated(), "run `make docs`"


def test_settings_page_is_what_the_settings_say():
    assert help_text.SETTINGS_PATH.read_text(encoding="utf-8") == help_text.generated_settings(), "run `make docs`"


def test_readme_opens_with_the_two_commands():
    opening = text("README.md").splitlines()[:40]
    assert any("make demo" in line for line in opening)
    assert any("make test" in line for line in opening)


def test_readme_leads_to_every_page():
    for page in sorted((ROOT / "docs").glob("*.md")):
        assert f"](docs/{page.name}" in text("README.md"), page.name


@pytest.mark.parametrize("page", PAGES)
class TestEveryPage:
    def test_settings_that_it_names_are_there(self, page):
        named = {name.lower().rstrip("_") for name in re.findall(r"LIENQUAN_([A-Z_]+)", text(page))}
        assert named - set(Settings.model_fields) - _OTHER == set()

    def test_commands_and_options_that_it_calls_are_there(self, page):
        for call in calls(page):
            words = [word for word in shlex.split(call, comments=True) if word != "lienquan"]
            words = words[: next((at for at, word in enumerate(words) if word in {"|", ">", "&", "&&", ";"}), None)]
            name = words[0]
            if name.startswith("--"):
                continue
            assert f"lienquan {name}" in COMMANDS, call
            check_call(words)

    def test_settings_files_that_it_shows_can_be(self, page):
        for language, content in blocks(page):
            if language == "toml" and page != "docs/settings.md":
                found = tomllib.loads(content)
                if "source" not in found:
                    Settings(**found)

    def test_addresses_that_it_names_are_there(self, page):
        described = {(endpoint.method.upper(), endpoint.path) for endpoint in endpoints_of()}
        described |= {("GET", path) for path in ("/api/v1/openapi.json", "/api/docs", "/metrics")}
        for method, path in re.findall(r"`(GET|PUT|POST|DELETE) (/api/[^`?\s]*)", text(page)):
            assert (method, path.replace("ID", "{id}")) in described


class TestHowItDecides:
    PAGE = text("docs/how-it-decides.md")

    def test_every_step_at_which_an_article_falls_out_is_told(self):
        steps = set(
            re.findall(r'watch\.after\(\s*"(\w+)"', (ROOT / "service/related/relating.py").read_text(encoding="utf-8"))
        )
        assert len(steps) >= 12
        assert {step for step in steps if f"`{step}`" not in self.PAGE} == set()

    def test_the_steps_that_it_names_are_those(self):
        named = set(re.findall(r"\(`(\w+)`\)", self.PAGE)) - {"degraded", "already_published", "similarity"}
        code = (ROOT / "service/related/relating.py").read_text(encoding="utf-8")
        assert {step for step in named if f'"{step}"' not in code} == set()

    def test_its_figures_are_the_programs(self):
        standard, breaking, evergreen = (FADINGS[name] for name in ("standard", "breaking", "evergreen"))
        assert (standard.offset, standard.half_life, standard.floor) == (2, 21, 0.35)
        assert "first two days cost nothing" in self.PAGE
        assert "halves every three weeks, and 35 % of" in self.PAGE
        assert (breaking.half_life, evergreen.half_life * DAY) == (1, 2 * 365 * DAY)
        assert "`breaking` halves it every day, `evergreen` every two" in self.PAGE
        assert LOOKED_AT == 48
        assert "the best 48" in self.PAGE
        assert (PRESETS["standard"].limit, PRESETS["inline-teasers"].limit) == (6, 3)
        assert PRESETS["inline-teasers"].min_relevance == 0.5
        assert "three, relevance at least 0.5" in self.PAGE
        assert RelatedOptions.model_fields["max_per_event"].default == 2
        assert "Of one event there are two at most" in self.PAGE
        assert EVENT_DAYS == 4
        assert "not more than four days apart" in self.PAGE

    @pytest.mark.parametrize("page", ["docs/how-it-decides.md", "docs/bien-tap-vien.md"])
    def test_every_reason_is_told_as_readers_see_it(self, page):
        for reason in strings.language(None).reasons.values():
            assert reason.partition("{")[0].strip(" :,") in text(page), reason


def test_both_guides_for_editors_have_the_same_parts():
    heads = [re.findall(r"^#+ ", text(f"docs/{name}.md"), re.MULTILINE) for name in ("editors", "bien-tap-vien")]
    assert heads[0] == heads[1]
    shown = [[content for _, content in blocks(f"docs/{name}.md")] for name in ("editors", "bien-tap-vien")]
    assert shown[0] == shown[1]


def test_pages_of_the_newsroom_that_are_named_are_there(client_of):
    adapter = client_of().application.url_map.bind("localhost")
    for page in PAGES:
        for path in set(re.findall(r"(?<![\w.])/newsroom/[a-z/-]*", text(page))):
            assert adapter.test(path, "GET") or adapter.test(f"{path}x", "GET"), f"{page}: {path}"


@pytest.mark.skipif(shutil.which("make") is None, reason="no make")
class TestMakefile:
    def told(self, *targets):
        command = ["make", "--dry-run", "--always-make", "--warn-undefined-variables", *targets]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
        return done.stdout, done.stderr

    def test_no_target_has_a_variable_that_is_not_set(self):
        (phony,) = re.findall(r"^\.PHONY: (.+)$", text("Makefile"), re.MULTILINE)
        for target in phony.split():
            assert "undefined variable" not in self.told(target)[1], target

    def test_the_demo_is_indexed_and_served_where_readme_says(self):
        lines = self.told("demo")[0].splitlines()
        calls = [line for line in lines if re.search(r"/lienquan (index|serve) ", line)]
        assert len(calls) == 2
        assert all(" --home var/demo" in line for line in calls)
        assert "serves var/demo" in text("README.md")
