"""`lienquan keys`: what each command prints and where, and how it ends."""

import json
import re

import pytest
from click.testing import CliRunner

from service.cli import main
from service.security.audit import AuditLog
from service.security.bounds import Bounds
from service.security.keys import FILE, KeyStore
from tests.service.rules.test_rules_cli import logging_as_it_was  # noqa: F401

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
    assert re.fullmatch(f"{ids[0]}  ingest  ingest  created {TIME}  last used {TIME}  100 deletes a day", lines[0])
    assert re.fullmatch(f"{ids[1]}  newsroom  newsroom  created {TIME}  never used  revoked {TIME}", lines[1])
    rows = json.loads(run("list", "--json").stdout)
    names = ["id", "name", "scopes", "created", "last_used", "revoked", "expires", "bounds", "follows", "expired"]
    assert [list(row) for row in rows] == [names] * 2
    assert [(row["id"], row["scopes"], row["revoked"] is None) for row in rows] == [
        (ids[0], ["ingest"], True),
        (ids[1], ["newsroom"], False),
    ]
    assert all(re.fullmatch(TIME, row["created"]) for row in rows)


def test_a_key_with_every_bound(run, tmp_path):
    given = [
        "--scope",
        "ingest",
        "--name",
        "CMS",
        "--expires",
        "2099-01-01",
        "--from",
        "203.0.113.0/24",
        "--from",
        "::1",
    ]
    made = run(
        "create", *given, "--section", "Thể thao", "--section", "Bóng đá", "--source", "TTXVN", "--deletes", "7/day"
    )
    key = KeyStore(tmp_path / "home").find(made.stdout.strip())
    assert key.bounds == Bounds(("203.0.113.0/24", "::1/128"), ("Thể thao", "Bóng đá"), ("TTXVN",), 7)
    said = "from 203.0.113.0/24 or ::1/128  for section 'Thể thao' or 'Bóng đá' and source 'TTXVN'  7 deletes a day"
    assert run("list").stdout.endswith(f"  {said}  ends 2098-12-31T17:00:00Z\n")
    row = json.loads(run("list", "--json").stdout)[0]
    assert (row["expires"], row["bounds"]["sections"]) == ("2098-12-31T17:00:00Z", ["Thể thao", "Bóng đá"])


@pytest.mark.parametrize(("given", "seconds"), [("90d", 90 * 86_400), ("12h", 43_200), ("30m", 1_800)])
def test_an_end_after_a_while(run, tmp_path, given, seconds):
    key = KeyStore(tmp_path / "home").find(
        run("create", "--scope", "read", "--name", "a", "--expires", given, "--deletes", "unlimited").stdout.strip()
    )
    assert (key.expires - key.created - seconds in range(-1, 2), key.bounds) == (True, Bounds())


def test_rotating(run, tmp_path):
    old = run("create", "--scope", "ingest", "--name", "CMS", "--section", "Thể thao").stdout.strip()
    store = KeyStore(tmp_path / "home")
    before = store.find(old)
    made = run("rotate", before.id, "--overlap", "1h")
    after = store.find(made.stdout.strip())
    assert (after.follows, after.bounds, after.expires) == (before.id, before.bounds, None)
    assert re.search(f"key {before.id} ends {TIME}\n$", made.stderr)
    assert store.find(old).counts
    assert [line.split("  ")[-2:][0] for line in run("list").stdout.splitlines()][1] == "100 deletes a day"
    run("rotate", before.id, status=1, error=f"id: '{before.id}': expected the key that follows it, {after.id}")
    run("rotate", after.id, "--overlap", "0m")
    assert not store.get(after.id).counts
    assert f"follows {after.id}" in run("list").stdout
    run("rotate", "khong-co", status=1, error="expected the id of a key")
    run("rotate", after.id, "--overlap", "soon", status=2, error="'soon': expected a number and m, h or d, such as 24h")


def test_the_audit_log_tells_of_all_and_holds_no_secret(run, tmp_path):
    old = run(
        "create", "--scope", "ingest", "--name", "CMS", "--from", "203.0.113.0/24", "--expires", "2099-01-01"
    ).stdout
    before = old.split("_")[1]
    new = run("rotate", before).stdout
    after = new.split("_")[1]
    run("revoke", before)
    entries = list(AuditLog(tmp_path / "home").entries())
    told = [(one.action, one.target, one.outcome) for one in entries]
    assert told == [
        ("key.made", before, "allowed"),
        ("key.rotated", before, "allowed"),
        ("key.made", after, "done"),
        ("key.revoked", before, "done"),
    ]
    assert entries[0].detail["expires"] == "2098-12-31T17:00:00Z"
    assert "203.0.113.0/24" in entries[0].detail["bounds"]
    assert entries[2].detail["follows"] == before
    content = b"".join(path.read_bytes() for path in (tmp_path / "home").iterdir())
    assert not any(text.split("_", 2)[2].strip().encode() in content for text in (old, new))


def test_a_key_that_cannot_be_recorded_is_not_made(run, tmp_path):
    (tmp_path / "home").mkdir()
    (tmp_path / "home" / "audit.sqlite").write_bytes(b"x" * 8192)
    run("create", "--scope", "ingest", "--name", "CMS", status=1, error="audit")
    assert KeyStore(tmp_path / "home").all() == []


def test_one_that_is_revoked_though_it_cannot_be_recorded(run, tmp_path):
    key = run("create", "--scope", "ingest", "--name", "CMS").stdout.split("_")[1]
    (tmp_path / "home" / "audit.sqlite").write_bytes(b"x" * 8192)
    run("revoke", key, status=1, error="it is revoked, but the audit log could not be written")
    assert not KeyStore(tmp_path / "home").get(key).counts


@pytest.mark.parametrize(
    ("given", "error"),
    [
        (("--expires", "tomorrow"), "'tomorrow': expected 90d, 12h or a date such as 2027-01-01"),
        (("--expires", "2020-01-01"), "expires: 2019-12-31T17:00:00+00:00: expected a time that lies ahead"),
        (("--expires", "9999999d"), "'9999999d': expected 90d"),
        (("--from", "bao.example"), "expected an address or a network, 203.0.113.0/24"),
        (("--section", " "), "section: ' ': expected 1 to 500 characters"),
        (("--deletes", "-1"), "'-1': expected a number, as 100 or 100/day, or unlimited"),
        (("--scope", "newsroom", "--section", "a"), "expected scope ingest, and neither rules nor newsroom"),
    ],
)
def test_bounds_that_are_none(run, tmp_path, given, error):
    run("create", "--scope", "ingest", "--name", "CMS", *given, status=2, error=error)
    assert not (tmp_path / "home").exists()


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
