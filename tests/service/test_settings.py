"""Settings: where they come from, which one wins, what is refused and how, and what is said of them."""

import json
import tomllib
from pathlib import Path

import pytest
from click.testing import CliRunner
from pydantic import SecretStr, model_validator

from models import catalogue
from service import settings
from service.cli import main
from service.settings import Settings, SettingsError, load
from service.upkeep import settings_text


@pytest.fixture(autouse=True)
def no_settings(monkeypatch):
    """No setting comes from whoever runs the tests; what a command sets is put back."""
    for name in (*settings.in_environment().values(), settings.FILE_VARIABLE):
        monkeypatch.setenv(name, "put back")
        monkeypatch.delenv(name)
    monkeypatch.setenv("LIENQUAN_MODELS", "put back")
    monkeypatch.delenv("LIENQUAN_MODELS")


@pytest.fixture
def file(tmp_path, monkeypatch):
    """Return a function that writes the settings file."""
    path = tmp_path / "etc" / "lienquan.toml"
    path.parent.mkdir()
    monkeypatch.setenv(settings.FILE_VARIABLE, str(path))

    def write(text):
        path.write_text(text, encoding="utf-8")
        return path

    return write


def faults():
    with pytest.raises(SettingsError) as caught:
        load()
    return list(caught.value.faults)


class TestWhereTheyComeFrom:
    def test_defaults(self):
        loaded = load()
        assert (loaded.port, loaded.fallbacks, loaded.rules) == (8000, ("same_section_newest",), None)
        assert loaded.model == catalogue.DEFAULT

    def test_a_file(self, file):
        file('cache_seconds = 5\nexpose_body = false\nfallbacks = ["newest", "none"]\nduplicates = "best"\n')
        loaded = load()
        assert (loaded.cache_seconds, loaded.expose_body, loaded.duplicates) == (5, False, "best")
        assert loaded.fallbacks == ("newest", "none")

    def test_the_environment_wins_over_the_file(self, file, monkeypatch):
        file("cache_seconds = 5\nmin_related = 0.5\n")
        monkeypatch.setenv("LIENQUAN_CACHE_SECONDS", "7")
        loaded = load()
        assert (loaded.cache_seconds, loaded.min_related) == (7, 0.5)

    def test_paths_in_a_file_are_counted_from_it(self, file, monkeypatch, tmp_path):
        path = file('rules = "rules.jsonl"\nhome = "/srv/home"\nsynonyms = "~/words.txt"\nmodel = "some/model"\n')
        monkeypatch.setenv("HOME", "/home/lan")
        monkeypatch.chdir(tmp_path)
        monkeypatch.setenv("LIENQUAN_CLASSES", "classes.tsv")
        loaded = load()
        assert loaded.rules == path.parent / "rules.jsonl"
        assert loaded.home == Path("/srv/home")
        assert loaded.synonyms == Path("/home/lan/words.txt")
        assert loaded.classes == Path("classes.tsv")
        assert loaded.model == "some/model"


class TestWhatIsRefused:
    def test_names_that_nothing_is_called(self, file, monkeypatch):
        path = file("cache_secnds = 5\nxyzzy = 1\n")
        monkeypatch.setenv("LIENQUAN_HOEM", "tuyet mat")
        assert faults() == [
            f"{path}: cache_secnds: no such setting: did you mean cache_seconds?",
            f"{path}: xyzzy: no such setting: `lienquan settings` lists them",
            "LIENQUAN_HOEM: no such setting: did you mean LIENQUAN_HOME?",
        ]

    def test_values_that_cannot_be_all_at_once_and_where_from(self, file, monkeypatch):
        path = file('port = 99999\nbackend = "cuda"\nhoem = 1\n')
        monkeypatch.setenv("LIENQUAN_POLL_SECONDS", "often")
        found = faults()
        (polled,) = [fault for fault in found if fault.startswith("LIENQUAN_POLL_SECONDS: 'often': ")]
        assert "expected a valid number" in polled
        assert sorted(set(found) - {polled}) == [
            f"{path}: backend: 'cuda': expected 'auto', 'onnx-int8' or 'torch'",
            f"{path}: hoem: no such setting: did you mean home?",
            f"{path}: port: 99999: expected less than or equal to 65535",
        ]

    def test_what_should_be_json(self, monkeypatch):
        monkeypatch.setenv("LIENQUAN_FALLBACKS", "newest")
        assert faults() == ["LIENQUAN_FALLBACKS: 'newest': expected JSON"]

    @pytest.mark.parametrize(
        ("text", "expected"), [("port = = 1\n", "expected TOML"), ("\xff", "expected TOML"), (None, "No such file")]
    )
    def test_a_file_that_cannot_be_read(self, file, text, expected, tmp_path):
        path = tmp_path / "etc" / "lienquan.toml"
        if text is not None:
            path.write_bytes(text.encode("latin-1"))
        (fault,) = faults()
        assert fault.startswith(f"{path}: ")
        assert expected in fault

    def test_what_kubernetes_says_of_a_service_is_no_setting(self, monkeypatch):
        for name in ("SERVICE_HOST", "SERVICE_PORT", "SERVICE_PORT_HTTP", "PORT_8000_TCP", "PORT_8000_TCP_ADDR"):
            monkeypatch.setenv(f"LIENQUAN_{name}", "x")
        assert load().port == 8000

    @pytest.mark.parametrize("name", Settings.model_fields)
    def test_every_name_is_known_and_its_slips_are_not(self, name, monkeypatch):
        monkeypatch.setenv(f"LIENQUAN_{name.upper()}X", "1")
        (fault,) = faults()
        assert fault.startswith(f"LIENQUAN_{name.upper()}X: no such setting: did you mean LIENQUAN_")


class TestWhatIsSaid:
    @pytest.mark.parametrize("name", Settings.model_fields)
    def test_every_setting_says_what_it_is_for(self, name):
        described = settings_text.descriptions()[name]
        assert described[:1].isupper() or described[:1] == "`"
        assert described.endswith(".")

    def test_nothing_is_described_that_is_not_there(self):
        assert set(settings_text.descriptions()) == set(Settings.model_fields)

    def test_the_example_is_a_file_of_the_defaults(self, file):
        example = settings_text.example()
        assert tomllib.loads(example) == {}
        set_to = [line[1:] for line in example.splitlines() if line.startswith("#") and not line.startswith("# ")]
        assert [line.split(" =")[0] for line in set_to] == list(Settings.model_fields)
        file("")
        defaults = load().model_dump()
        found = tomllib.loads("\n".join(line for line in set_to if not line.endswith("=")))
        assert {"port", "fallbacks", "expose_body"} <= set(found)
        path = file("\n".join(line for line in set_to if not line.endswith("=")))
        assert load().model_dump() == defaults | {"home": path.parent / "var/home"}

    def test_bounds_and_choices(self):
        example = settings_text.example()
        assert "One of auto, json, text." in " ".join(example.split())
        assert "More than 0 and at most 2." in example

    def test_secrets_are_never_shown(self, monkeypatch, file):
        class Secretive(Settings):
            """:param token: A secret."""

            token: SecretStr | None = None

        monkeypatch.setattr(settings, "Settings", Secretive)
        monkeypatch.setattr(settings_text, "Settings", Secretive)
        file('token = "tuyetmat"\n')
        loaded = load()
        assert loaded.token.get_secret_value() == "tuyetmat"
        assert {"name": "token", "value": "(hidden)", "origin": "file"} in [
            row._asdict() for row in settings_text.current(loaded)
        ]
        file("token = 77777\n")
        assert "77777" not in faults()[0]

    def test_what_is_wrong_with_several_together_shows_no_value(self, monkeypatch):
        class Paired(Settings):
            """Two that exclude each other."""

            @model_validator(mode="after")
            def one_of_them(self):
                if self.port == 81 and self.workers == 3:
                    raise ValueError("port, workers: expected one of them")
                return self

        monkeypatch.setattr(settings, "Settings", Paired)
        monkeypatch.setenv("LIENQUAN_PORT", "81")
        monkeypatch.setenv("LIENQUAN_WORKERS", "3")
        assert faults() == ["settings: Value error, port, workers: expected one of them"]


class TestCommands:
    def run(self, *arguments, **environment):
        return CliRunner().invoke(main, list(map(str, arguments)), env=environment)

    def test_settings_shows_values_and_where_they_come_from(self, file):
        path = file("port = 81\n")
        done = self.run("settings", "--json", LIENQUAN_WORKERS="3")
        rows = {row["name"]: (row["value"], row["origin"]) for row in json.loads(done.stdout)}
        assert rows["port"] == (81, "file")
        assert rows["workers"] == (3, "LIENQUAN_WORKERS")
        assert rows["home"] == ("var/home", "default")
        shown = self.run("settings", "--settings", path)
        assert any(line.split() == ["port", "81", "(file)"] for line in shown.stdout.splitlines())
        assert f"file: {path}" in shown.stderr

    def test_the_example(self):
        assert self.run("settings", "--example").stdout == settings_text.example()

    def test_a_fault_ends_any_command_with_status_2(self, tmp_path):
        for command in (["snapshots", "list", "--home", tmp_path], ["settings"], ["models", "check"]):
            done = self.run(*command, LIENQUAN_HOEM="x")
            assert done.exit_code == 2
            assert "did you mean LIENQUAN_HOME?" in done.stderr

    def test_options_default_to_the_file_and_win_over_it(self, file, tmp_path):
        path = file('home = "archive"\n')
        for arguments, named in (
            (["--settings", path], path.parent / "archive"),
            (["--settings", path, "--home", tmp_path / "other"], tmp_path / "other"),
        ):
            done = self.run("snapshots", "verify", *arguments)
            assert done.exit_code == 1
            assert f"{named}: no snapshot is published yet" in done.stderr
        done = self.run("snapshots", "verify", "--settings", path, LIENQUAN_HOME=str(tmp_path / "third"))
        assert f"{tmp_path / 'third'}: no snapshot is published yet" in done.stderr
