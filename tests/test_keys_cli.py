"""`lienquan keys`: what each command prints and where, and how it ends."""

import json
import re

import pytest
from click.testing import CliRunner

from service.cli import main
from service.security.keys import FILE, KeyStore
from tests.test_rules_cli import logging_as_it_was  # noqa: F401

TIME = r"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"


@pytest.fixture
def run(tmp_path):
    """Return a function that runs a command of `keys` over a home."""

    def invoke(*args, status=0, error=""):
        env = {"LIENQUAN_HOME": str(tmp_path / "home")}
        result = CliRunner().invoke(main, ["keys", *args], env=env)
        assert result.exit_code == status, (result.stdout, result.stderr, result.exception)
        assert error in result.stderr
        assert "Traceback" not in result.stderr
        return result

    return invoke


def test_the_key_alone_is_printed_and_only_once(run, tmp_path):
    made = run("create", "--scope", "rules", "--scope", "ingest", "--name", "CMS")
    text = made.stdout.removesuffix("\n")
    key = KeyStore(tmp_path / "home").find(text)
    assert (key.name, key.scopes) == ("CMS", ("ingest", "rules"))
    assert f"key {key.id} of scope ingest, rules, for CMS; it is not shown again:" in made.stderr
    secret = text.split("_", 2)[2]
    assert secret not in made.stderr + run("list").stdout + run("list", "--json").stdout + run("revoke", key.id).stdout


def test_the_list_says_what_became_of_each(run, tmp_path):
    assert run("list").stdout == ""
    assert json.loads(run("list", "--json").stdout) == []
    one, two = (run("create", "--scope", scope, "--name", scope).stdout.strip() for scope in ("ingest", "newsroom"))
    store = KeyStore(tmp_path / "home")
    store.find(one)
    ids = [text.split("_")[1] for text in (one, two)]
    assert re.fullmatch(f"revoked {ids[1]}, for newsroom, {TIME}\n", run("revoke", ids[1]).stdout)
    lines = run("list").stdout.splitlines()
    assert re.fullmatch(f"{ids[0]}  ingest  ingest  created {TIME}  last used {TIME}", lines[0])
    assert re.fullmatch(f"{ids[1]}  newsroom  newsroom  created {TIME}  never used  revoked {TIME}", lines[1])
    rows = json.loads(run("list", "--json").stdout)
    assert [list(row) for row in rows] == [["id", "name", "scopes", "created", "last_used", "revoked"]] * 2
    assert [(row["id"], row["scopes"], row["revoked"] is None) for row in rows] == [
        (ids[0], ["ingest"], True),
        (ids[1], ["newsroom"], False),
    ]
    assert all(re.fullmatch(TIME, row["created"]) for row in rows)


def test_wrong_use(run, tmp_path):
    run("create", "--name", "CMS", status=2, error="--scope")
    run("create", "--scope", "ingest", status=2, error="--name")
    run("create", "--scope", "all", "--name", "CMS", status=2, error="'all' is not one of")
    run("create", "--scope", "ingest", "--name", " ", status=2, error="name: '': expected 1 to 100 characters")
    run("revoke", "khong-co", status=1, error="id: 'khong-co': expected the id of a key")
    assert not (tmp_path / "home").exists()


def test_a_damaged_store(run, tmp_path):
    run("create", "--scope", "ingest", "--name", "CMS")
    (tmp_path / "home" / FILE).write_bytes(b"x" * 5000)
    run("list", status=1, error="the store of keys cannot be used")
