"""README.md and docs/ tell the truth about commands and settings."""

from pathlib import Path

from service.settings import Settings
from tests import help_text

README = Path(__file__).parents[1] / "README.md"


def test_commands_page_is_what_the_commands_say():
    assert help_text.PATH.read_text(encoding="utf-8") == help_text.generated(), "run `make docs`"


def test_readme_names_every_setting():
    text = README.read_text(encoding="utf-8")
    missing = [name for name in Settings.model_fields if f"LIENQUAN_{name.upper()}" not in text]
    assert missing == []


def test_readme_opens_with_the_two_commands():
    opening = README.read_text(encoding="utf-8").splitlines()[:40]
    assert any("make demo" in line for line in opening)
    assert any("make test" in line for line in opening)
