"""README.md and docs/ tell the truth about commands and settings."""

import re
from pathlib import Path

from service.settings import Settings
from tests import help_text

README = Path(__file__).parents[1] / "README.md"


def test_commands_page_is_what_the_commands_say():
    assert help_text.PATH.read_text(encoding="utf-8") == help_text.generated(), "run `make docs`"


def test_settings_page_is_what_the_settings_say():
    assert help_text.SETTINGS_PATH.read_text(encoding="utf-8") == help_text.generated_settings(), "run `make docs`"


def test_readme_names_no_setting_that_is_not_there():
    text = README.read_text(encoding="utf-8")
    named = {name.lower() for name in re.findall(r"LIENQUAN_([A-Z_]+)", text)} - {"settings"}
    assert named - set(Settings.model_fields) == set()
    assert {"home", "model", "rules"} <= named


def test_readme_opens_with_the_two_commands():
    opening = README.read_text(encoding="utf-8").splitlines()[:40]
    assert any("make demo" in line for line in opening)
    assert any("make test" in line for line in opening)
