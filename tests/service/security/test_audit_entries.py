"""What an entry of the audit log says, and what it never says."""

import os
import pwd
from datetime import UTC, datetime

import pytest

from service.security.audit_chain import ChainRow
from service.security.audit_entries import ACTIONS, MOST_IDS, Actor, ids, read, said, written
from service.security.keys import Key

NOW = datetime(2026, 12, 2, 3, 4, 5, 678_000, UTC)


class TestActors:
    def test_a_key(self):
        assert Actor.of_key(Key("1f0c6a2b9d3e", "CMS", ("ingest",), 1)) == ("key:1f0c6a2b9d3e", "CMS")

    def test_the_system_says_who_runs_a_command_not_the_environment(self, monkeypatch):
        monkeypatch.setenv("LOGNAME", "somebody-else")
        monkeypatch.setenv("USER", "somebody-else")
        assert Actor.of_process().id == f"cli:{pwd.getpwuid(os.getuid()).pw_name}"

    def test_a_user_without_a_name(self, monkeypatch):
        monkeypatch.setattr(os, "getuid", lambda: 4_000_000)
        assert Actor.of_process().id == "cli:4000000"


class TestContent:
    def test_written_and_read(self):
        told = said("rule.added", Actor("key:1f", "Bàn thời sự"), "r-01", "allowed", "203.0.113.0/24", {"lists": 3})
        content = written(7, NOW, told)
        assert content.isascii()
        entry = read(ChainRow(7, content, b"\xab" * 32, b""))
        assert entry.as_json() == {
            "number": 7,
            "at": "2026-12-02T03:04:05.678Z",
            "action": "rule.added",
            "actor": {"id": "key:1f", "name": "Bàn thời sự"},
            "target": "r-01",
            "outcome": "allowed",
            "address": "203.0.113.0/24",
            "detail": {"lists": 3},
            "hash": "ab" * 32,
        }

    def test_only_what_is_known_is_recorded(self):
        with pytest.raises(ValueError, match=r"^action: 'article\.read': expected one of article\.put"):
            said("article.read", Actor("anyone"), None, "done", None, {})
        assert all(meaning for meaning in ACTIONS.values())

    def test_a_key_that_stands_where_an_id_belongs_is_hidden(self):
        text = "lq_" + "0" * 12 + "_" + "a" * 43
        told = said("article.put", Actor(text, text), f"x{text}x", text, None, {"ids": [text], "why": text})
        content = written(1, NOW, told)
        assert b"aaaa" not in content
        assert content.count(b"lq_000000000000_(hidden)") == 6

    def test_all_parts_are_bounded(self):
        long = "x" * 10_000
        told = said("article.put", Actor(long, long), long, long, None, {"ids": [long] * 1000, "why": long})
        assert len(written(1, NOW, told)) < 6000

    def test_lone_surrogates_and_quotes_are_kept_apart(self):
        told = said("article.put", Actor("x"), '\ud800","action":"audit.pruned', "allowed", None, {})
        content = written(1, NOW, told)
        assert b'"action":"audit.pruned"' not in content
        assert read(ChainRow(1, content, b"", b"")).target == '\ud800","action":"audit.pruned'

    @pytest.mark.parametrize("content", [b"", b"[1]", b'{"at": 5, "actor": []}', b'{"at": "gestern"}', b"\xff"])
    def test_what_was_tampered_with_can_still_be_shown(self, content):
        entry = read(ChainRow(3, content, b"", b""))
        assert (entry.number, entry.at.year, entry.actor.id) == (3, 1970, "")

    def test_many_ids(self):
        found = ids([f"b{number}" for number in range(100)])
        assert found["count"] == 100
        assert found["ids"] == [f"b{number}" for number in range(MOST_IDS)]
        assert found["ids_sha256"] != ids([f"b{number}" for number in range(99)])["ids_sha256"]
        assert ids(["\ud800"])["count"] == 1
