"""`lienquan audit`: what each command prints and where, and how it ends."""

import json
import sqlite3
from contextlib import closing

import pytest
from click.testing import CliRunner

from service.cli import main
from service.security.audit import FILE, AuditLog
from service.security.audit_entries import Actor
from tests.service.rules.test_rules_cli import logging_as_it_was  # noqa: F401

CMS = Actor("key:1f0c6a2b9d3e", "CMS của báo")
DAY = 86_400


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Return a function that runs a command of `audit` over a home."""

    def invoke(*args, status=0, error=""):
        result = CliRunner().invoke(main, ["audit", *args], env={"LIENQUAN_HOME": str(tmp_path)})
        assert result.exit_code == status, (result.stdout, result.stderr, result.exception)
        assert error in result.stderr
        assert "Traceback" not in result.stderr
        return result

    return invoke


@pytest.fixture
def log(tmp_path):
    return AuditLog(tmp_path, clock=lambda: 1_700_000_000)


def test_where_nothing_was_recorded(run):
    assert run("list").stdout == ""
    assert run("verify").stdout == "no entries\n"
    assert json.loads(run("verify", "--json").stdout) == {"entries": 0, "head": None, "problems": []}
    run("verify", "--head", "ab" * 32, status=1, error="is not in this log")
    assert run("prune").stdout == "removed 0 entries that were older than 365 days\n"


def test_the_list_and_what_is_picked_of_it(run, log):
    log.record("article.put", CMS, "b1\n\x1b[2J", address="203.0.113.7")
    log.record("key.made", Actor("cli:lan"), "1f0c6a2b9d3e", scopes=["ingest"])
    log.refused("wrong key")
    first = "1  2023-11-14T22:13:20.000Z  allowed  article.put  key:1f0c6a2b9d3e (CMS của báo)"
    first += "  b1\\n\\x1b[2J  203.0.113.0/24"
    second = '2  2023-11-14T22:13:20.000Z  allowed  key.made  cli:lan  1f0c6a2b9d3e  scopes=["ingest"]'
    third = "3  2023-11-14T22:13:20.000Z  wrong key  request.refused  anyone"
    assert run("list").stdout.splitlines() == [first, second, third]
    assert run("list", "--who", "cms CỦA").stdout.splitlines() == [first]
    assert run("list", "--who", "lan").stdout.splitlines() == [second]
    assert run("list", "--action", "key").stdout.splitlines() == [second]
    assert run("list", "--action", "article.put").stdout.splitlines() == [first]
    assert run("list", "--action", "art").stdout == ""
    assert len(run("list", "--since", "2023-11-14").stdout.splitlines()) == 3
    assert run("list", "--since", "2023-11-16").stdout == ""
    rows = [json.loads(line) for line in run("list", "--json").stdout.splitlines()]
    assert [row["number"] for row in rows] == [1, 2, 3]
    assert rows[0]["target"] == "b1\n\x1b[2J"
    run("list", "--since", "gestern", status=2, error="--since: 'gestern'")


def test_verifying(run, log, tmp_path):
    log.record("article.put", CMS, "b1")
    log.record("article.put", CMS, "b2")
    told = run("verify").stdout
    head = told.split()[-1]
    assert told == f"2 entries, head {head}\n"
    run("verify", "--head", head)
    run("verify", "--head", "x", status=2, error="--head: 'x': expected NUMBER:HASH")
    with closing(sqlite3.connect(tmp_path / FILE)) as db:
        db.execute("DROP TRIGGER entries_are_as_written")
        db.execute("UPDATE entries SET content = replace(content, 'b2', 'b9')")
        db.commit()
    run("verify", status=1, error="entry 2: is not what its hash was made of")
    assert len(json.loads(run("verify", "--json", status=1).stdout)["problems"]) == 1
    run("prune", status=1, error="nothing was removed: the log does not verify")


def test_pruning(run, log, tmp_path, monkeypatch):
    log.record("article.put", CMS, "b1")
    assert run("prune", "--days", "3660").stdout.startswith("removed 0")
    monkeypatch.setenv("LIENQUAN_AUDIT_DAYS", "10")
    assert run("prune").stdout == "removed 1 entries that were older than 10 days\n"
    assert [entry.action for entry in AuditLog(tmp_path).entries()] == ["audit.pruned"]
    run("verify")


def test_the_settings_count(run, log, monkeypatch, tmp_path):
    log.record("article.put", CMS, "b1")
    monkeypatch.setenv("LIENQUAN_AUDIT_SECRET", "t" * 32)
    run("verify", status=1, error="was not sealed with this log's secret")


def test_a_damaged_log(run, tmp_path):
    (tmp_path / FILE).write_bytes(b"x" * 5000)
    run("list", status=1, error="the audit log cannot be used")
    run("verify", status=1)
