"""What a key may write: by hand, against a plain oracle, through the API, raced with its being revoked; and the log."""

import json
import tempfile
import threading
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.archive import Archive
from indexer.changes.journal import Journal
from indexer.snapshot.home import Home
from indexer.snapshot.snapshot import Snapshot
from service.errors import Forbidden, NotRecorded, ServiceError, Unauthorized
from service.security.audit import AuditLog
from service.security.audit_entries import ids
from service.security.bounds import Bounds
from service.security.keys import KeyStore
from service.writes import writing
from service.writes.guard import BulkTally, KeyGuard, settle
from tests.service.writes.test_writing import Service

PAST, FAR, SOON = (
    (datetime.now(UTC) + timedelta(days=days)).isoformat(timespec="seconds") for days in (-1000, 1000, 1)
)
LINES = [
    {"id": "a0", "title": "Đội tuyển thắng trận", "section": "Thể thao", "url": "https://bao.example/a0.html"},
    {"id": "a1", "title": "Vòng loại bắt đầu", "section": "Thể thao", "source": "TTXVN", "aliases": ["cu-1"]},
    {"id": "a2", "title": "Giá điện tăng", "section": "Kinh tế", "url": "https://bao.example/a2.html"},
    {"id": "a3", "title": "Chợ Tết họp", "section": "Kinh tế", "source": "TTXVN", "aliases": ["cu-3"]},
    {"id": "a4", "title": "Không chuyên mục", "url": "https://bao.example/a4.html"},
    {"id": "a5", "title": "Hết hạn", "section": "Thể thao", "unpublish_at": PAST},
]
ALL = {line["id"]: line for line in LINES}


@pytest.fixture(scope="module")
def archive(publish, tmp_path_factory):
    home = tmp_path_factory.mktemp("published")
    publish(home, LINES)
    place = Home(home)
    with closing(Archive(Snapshot(place.directory(place.current())))) as found:
        yield found


class Writer:
    """One key over a home of its own, what is served being `archive`."""

    def __init__(self, home, archive, bounds):
        self.home, self.archive = home, archive
        self.journal, self.keys, self.audit = Journal(home), KeyStore(home), AuditLog(home)
        self.key, _ = self.keys.create("CMS", ["ingest"], bounds=bounds)
        self.live = SimpleNamespace(journal=self.journal, searcher=lambda: SimpleNamespace(archive=archive))

    def guard(self):
        return KeyGuard(self.keys, self.key, self.audit, "203.0.113.9")

    def put(self, article_id, title="Mới", **fields):
        body = json.dumps({"id": article_id, "title": title, **fields}).encode()
        return self._answer(writing.put, article_id, body)

    def delete(self, article_id):
        return self._answer(writing.delete, article_id)

    def bulk(self, *changes):
        body = b"\n".join(json.dumps(change).encode() for change in changes)
        return [json.loads(line)["status"] for line in writing.bulk(self.live, body, self.guard())]

    def _answer(self, write, *given):
        try:
            write(self.live, *given, self.guard())
        except ServiceError as error:
            return error.status
        return 200

    def changed(self):
        return {change.id: change.line for change in self.journal.take(0)}

    def close(self):
        self.journal.close()


@pytest.fixture
def writer_of(archive, tmp_path):
    made = []

    def make(**bounds):
        made.append(Writer(tmp_path / str(len(made)), archive, Bounds.of(**bounds)))
        return made[-1]

    yield make
    for writer in made:
        writer.close()


class TestByHand:
    def test_a_key_without_bounds_writes_anything(self, writer_of):
        writer = writer_of()
        assert [writer.put("a2", section="x"), writer.delete("a3"), writer.put("mới")] == [200] * 3

    def test_before_and_after(self, writer_of):
        sport = writer_of(sections=["Thể thao"])
        assert sport.put("a0", section="Thể thao") == 200
        assert sport.put("a0", section="Kinh tế") == 403  # it would be pushed out
        assert sport.put("a2", section="Thể thao") == 403  # it would be drawn in
        assert sport.put("a4", section="Thể thao") == 403  # no section is another than this one
        assert sport.put("mới", section="Thể thao") == 200
        assert sport.put("mới2") == 403
        assert [sport.delete(name) for name in ("a1", "a2", "a4", "khong-co")] == [200, 403, 403, 200]
        assert set(sport.changed()) == {"a0", "mới", "a1", "khong-co"}

    def test_of_a_source(self, writer_of):
        agency = writer_of(sources=["TTXVN"])
        assert [agency.delete(name) for name in ("a0", "a1", "a3")] == [403, 200, 200]

    def test_what_waits_counts_and_not_what_is_served(self, writer_of):
        sport = writer_of(sections=["Thể thao"])
        article = json.dumps({"id": "a0", "title": "Chuyển mục", "section": "Kinh tế"}).encode()
        writing.put(sport.live, "a0", article)
        assert sport.delete("a0") == 403
        writing.delete(sport.live, "a0")
        assert sport.put("a0", section="Thể thao") == 200

    @pytest.mark.parametrize(
        "more",
        [
            {"aliases": ["a2"]},
            {"aliases": ["cu-3"]},
            {"aliases": ["https://bao.example/a2.html?utm_source=x"]},
            {"url": "https://bao.example/a2.html"},
            {"url": "https://bao.example/a4.html"},
        ],
    )
    def test_no_address_of_another_section_is_taken_over(self, writer_of, more):
        sport = writer_of(sections=["Thể thao"])
        assert sport.put("mới", section="Thể thao", **more) == 403
        assert sport.put("a0", section="Thể thao", **more) == 403
        assert sport.changed() == {}

    def test_an_id_that_is_another_s_alias_is_taken_too(self, writer_of):
        sport = writer_of(sections=["Thể thao"])
        assert sport.put("cu-3", section="Thể thao") == 403
        assert sport.put("cu-1", section="Thể thao") == 200

    def test_addresses_within_the_bounds_may_move(self, writer_of):
        sport = writer_of(sections=["Thể thao"])
        assert sport.put("mới", section="Thể thao", aliases=["cu-1"], url="https://bao.example/a0.html") == 200

    def test_a_bulk_line_by_line(self, writer_of):
        sport = writer_of(sections=["Thể thao"], deletes=1)
        answers = sport.bulk(
            {"op": "put", "article": {"id": "n1", "title": "a", "section": "Thể thao"}},
            {"op": "put", "article": {"id": "n2", "title": "a", "section": "Kinh tế"}},
            {"op": "delete", "id": "a2"},
            {"op": "delete", "id": "khong-co"},
            {"op": "delete", "id": "a0"},
            {"op": "delete", "id": "n1"},
            {"op": "put", "article": {"id": "n1", "title": "b", "section": "Thể thao"}},
        )
        assert answers == [201, 403, 403, 204, 204, 429, 200]
        assert set(sport.changed()) == {"n1", "khong-co", "a0"}


class TestDeletes:
    def test_so_many_whichever_way(self, writer_of):
        writer = writer_of(deletes=4)
        assert writer.delete("a0") == 200
        assert writer.put("a1", unpublish_at=PAST) == 200
        assert writer.put("a2", published_at=FAR) == 200
        assert writer.put("a3", unpublish_at=SOON) == 200
        assert [writer.delete("a4"), writer.put("a4", unpublish_at=SOON), writer.put("a4", published_at=FAR)] == [
            429
        ] * 3
        assert writer.put("a4", title="Sửa") == 200

    def test_what_takes_nothing_away_does_not_count(self, writer_of):
        writer = writer_of(deletes=1)
        assert [writer.delete("khong-co"), writer.delete("khong-co")] == [200] * 2
        assert writer.put("mới", unpublish_at=SOON) == 200  # new, for a day
        assert writer.put("mới", unpublish_at=FAR) == 200  # and for longer
        assert writer.put("a5", unpublish_at=PAST) == 200  # nobody saw it
        assert [writer.delete("a0"), writer.delete("a0"), writer.delete("a1")] == [200, 200, 429]

    def test_one_that_is_out_of_bounds_does_not_count(self, writer_of):
        sport = writer_of(sections=["Thể thao"], deletes=1)
        assert [sport.delete(name) for name in ("a2", "a3", "a4", "a0", "a1")] == [403] * 3 + [200, 429]

    def test_a_leaked_key_does_not_empty_the_archive(self, writer_of):
        writer = writer_of(deletes=2)
        answers = writer.bulk(*({"op": "delete", "id": line["id"]} for line in LINES))
        assert sorted(answers) == [204] * 2 + [429] * 4
        assert sum(line is None for line in writer.changed().values()) == 2


NAMES = [*ALL, "n0", "n1"]
SECTIONS, SOURCES = ["Thể thao", "Kinh tế", None], ["TTXVN", None]
PUT = st.tuples(
    st.just("put"),
    st.sampled_from(NAMES),
    st.sampled_from(SECTIONS),
    st.sampled_from(SOURCES),
    st.sampled_from([None, PAST, SOON, FAR]),
    st.sampled_from([None, "a2", "cu-1", "https://bao.example/a0.html"]),
)
OPS = st.lists(PUT | st.tuples(st.just("delete"), st.sampled_from(NAMES)), max_size=14)


class Oracle:
    """What may be written, by the rule as it is told to operators."""

    def __init__(self, sections, sources, deletes):
        self.sections, self.sources, self.left = sections, sources, deletes
        self.now = {name: self.state(line) for name, line in ALL.items()}

    @staticmethod
    def state(line):
        return line.get("section"), line.get("source"), line.get("unpublish_at")

    def mine(self, state):
        section, source, _ = state
        return (not self.sections or section in self.sections) and (not self.sources or source in self.sources)

    def takes_over(self, article_id, alias):
        owner = {"a2": "a2", "cu-1": "a1", "https://bao.example/a0.html": "a0"}.get(alias)
        return owner not in (None, article_id) and not self.mine(self.state(ALL[owner]))

    def may(self, op, article_id, *fields):
        before, after = self.now.get(article_id), None
        if before is not None and not self.mine(before):
            return False
        if op == "put":
            after = (*fields[:2], fields[2])
            if not self.mine(after) or self.takes_over(article_id, fields[3]):
                return False
        if before is not None and self.loses(before, after):
            if self.left == 0:
                return False
            self.left -= 1
        self.now[article_id] = after
        if after is None:
            del self.now[article_id]
        return True

    @staticmethod
    def loses(before, after):
        if after is None:
            return True
        until = {PAST: 0, SOON: 1, FAR: 2, None: 3}
        return before[2] != PAST and until[after[2]] < until[before[2]]


@given(OPS, st.sets(st.sampled_from(SECTIONS[:2])), st.sets(st.just("TTXVN")), st.integers(0, 3), st.booleans())
@settings(max_examples=60, deadline=None)
def test_it_is_what_the_rule_says(archive, ops, sections, sources, deletes, together):
    with tempfile.TemporaryDirectory() as home:
        writer = Writer(Path(home), archive, Bounds.of((), sections, sources, deletes))
        oracle = Oracle(sections, sources, deletes)
        changes = [as_change(op) for op in ops]
        expected = [oracle.may(*op) for op in ops]
        if together:
            answers = writer.bulk(*changes)
        else:
            answers = [status for change in changes for status in writer.bulk(change)]
        told = [op for op, status in zip(ops, answers, strict=True) if status < 400]
        assert [status < 400 for status in answers] == expected
        assert set(writer.changed()) == {op[1] for op in told}
        writer.close()


def as_change(op):
    if op[0] == "delete":
        return {"op": "delete", "id": op[1]}
    _, article_id, section, source, until, alias = op
    fields = {"section": section, "source": source, "unpublish_at": until, "aliases": [alias] if alias else []}
    return {"op": "put", "article": {"id": article_id, "title": "t", **fields}}


class TestRevoked:
    def test_nothing_is_written_once_that_is_settled(self, writer_of):
        """Writers that have been let in already go on trying; what is there when `settle` returns is all."""
        writer = writer_of()
        guards, refused = [writer.guard() for _ in range(4)], []
        begun = threading.Barrier(5)

        def write(number, guard):
            begun.wait()
            for at in range(400):
                name = f"n{number}-{at}"
                try:
                    writing.put(writer.live, name, json.dumps({"id": name, "title": "t"}).encode(), guard)
                except Unauthorized:
                    refused.append(name)
                    return

        threads = [threading.Thread(target=write, args=each) for each in enumerate(guards)]
        for thread in threads:
            thread.start()
        begun.wait()
        while writer.journal.last() < 8:
            pass
        KeyStore(writer.home).revoke(writer.key.id)
        settle(writer.home)
        with closing(Journal(writer.home)) as another:
            written = another.last()
        for thread in threads:
            thread.join()
        assert writer.journal.last() == written
        assert len(refused) == 4

    def test_one_that_ended_meanwhile(self, writer_of):
        writer = writer_of()
        guard = writer.guard()
        writer.keys.rotate(writer.key.id, 0)
        with pytest.raises(Unauthorized, match="which has ended meanwhile"):
            writing.delete(writer.live, "a0", guard)
        assert writer.changed() == {}
        *_, allowed, failed = writer.audit.entries()
        assert (allowed.outcome, failed.outcome, failed.detail["why"]) == ("allowed", "failed", "Unauthorized")


class TestRecorded:
    def test_each_write_before_and_what_came_to_nothing(self, writer_of):
        sport = writer_of(sections=["Thể thao"])
        sport.put("a0", section="Thể thao")
        sport.delete("a2")
        told = [(one.action, one.actor.id, one.target, one.outcome, one.address) for one in sport.audit.entries()]
        actor, network = f"key:{sport.key.id}", "203.0.113.0/24"
        assert told == [
            ("article.put", actor, "a0", "allowed", network),
            ("article.deleted", actor, "a2", "allowed", network),
            ("article.deleted", actor, "a2", "out of its bounds", network),
        ]

    def test_where_it_cannot_be_recorded_nothing_is_written(self, writer_of):
        writer = writer_of()
        (writer.home / "audit.sqlite").write_bytes(b"x" * 8192)
        for write in (lambda: writer.put("a0"), lambda: writer.delete("a0")):
            assert write() == 503
        with pytest.raises(NotRecorded):
            writer.bulk({"op": "delete", "id": "a0"})
        assert writer.changed() == {}

    def test_a_bulk_by_its_hash_before_and_its_counts_after(self, writer_of):
        sport = writer_of(sections=["Thể thao"])
        many = [{"op": "put", "article": {"id": f"n{n}", "title": "t", "section": "Thể thao"}} for n in range(250)]
        sport.bulk(*many, {"op": "delete", "id": "a2"}, {"op": "?"})
        before, after = sport.audit.entries()
        assert (before.outcome, before.detail["lines"], len(before.detail["body_sha256"])) == ("allowed", 252, 64)
        expected = {"put_201": 250, "delete_403_not_applied": 1, "None_400_not_applied": 1}
        assert (after.outcome, after.detail) == ("done", expected | dict(ids([f"n{n}" for n in range(250)])))

    def test_one_that_breaks_off_says_what_was_done(self, writer_of):
        writer = writer_of()
        body = b"\n".join(b'{"op": "delete", "id": "n%d"}' % n for n in range(writing.PORTION + 1))
        answers = writing.bulk(writer.live, body, writer.guard())
        next(answers)
        writer.keys.revoke(writer.key.id)
        with pytest.raises(Unauthorized):
            list(answers)
        *_, last = writer.audit.entries()
        assert (last.outcome, last.detail["why"], last.detail["count"]) == ("failed", "Unauthorized", writing.PORTION)

    @given(st.lists(st.text(max_size=3), max_size=30))
    def test_a_tally_says_of_ids_what_a_list_of_them_would(self, names):
        tally = BulkTally()
        for name in names:
            tally.add({"op": "put", "id": name, "status": 200, "applied": True})
        told = tally.told()
        assert {name: told[name] for name in ("count", "ids", "ids_sha256")} == dict(ids(names))


@pytest.fixture
def service(publish, tmp_path):
    publish(tmp_path, LINES)
    made = Service(tmp_path)
    yield made
    made.stop()


class TestByTheApi:
    @staticmethod
    def asking(service, scopes=("ingest",), **bounds):
        key, text = KeyStore(service.home.path).create("khác", scopes, bounds=Bounds.of(**bounds))
        for client in service.clients:
            client.environ_base["HTTP_AUTHORIZATION"] = f"Bearer {text}"
        return key

    def last(self, service):
        *_, entry = AuditLog(service.home.path).entries()
        return entry

    def test_bounds_hold_in_every_process_also_once_it_is_served(self, service):
        self.asking(service, sections=["Thể thao"])
        assert service.put({"id": "n1", "title": "t", "section": "Thể thao"}).status_code == 201
        service.ingest()
        response = service.other.put("/api/v1/articles/n1", json={"id": "n1", "title": "t", "section": "Kinh tế"})
        assert response.status_code == 403
        assert response.json["errors"][0]["expected"].startswith("expected an article of section 'Thể thao', before")
        assert 'error="insufficient_scope"' in response.headers["WWW-Authenticate"]
        assert service.bulk({"op": "delete", "id": "a2"})[0]["status"] == 403
        assert service.delete("n1").status_code == 204

    def test_too_many_deletes(self, service):
        self.asking(service, deletes=1)
        assert service.delete("a0").status_code == 204
        refused = service.other.delete("/api/v1/articles/a1")
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "3600")
        assert service.client.get("/api/v1/articles/a1").status_code == 200

    def test_from_elsewhere(self, service):
        key = self.asking(service, addresses=["203.0.113.0/24"])
        refused = service.delete("a0")
        assert refused.status_code == 403
        assert refused.json["errors"][0]["field"] == "address"
        assert "203.0" not in refused.text
        assert (self.last(service).outcome, self.last(service).target) == ("address of the key", key.id)
        there = service.client.delete("/api/v1/articles/a0", environ_base={"REMOTE_ADDR": "203.0.113.7"})
        assert there.status_code == 204

    def test_one_that_has_ended(self, service):
        key = self.asking(service)
        assert service.delete("a0").status_code == 204
        KeyStore(service.home.path).rotate(key.id, 0)
        refused = service.delete("a1")
        assert refused.status_code == 401
        assert f"key {key.id}, which has expired" in refused.json["detail"]
        assert (self.last(service).outcome, self.last(service).target) == ("expired key", key.id)

    def test_a_reading_key_writes_nothing(self, service):
        key = self.asking(service, ["read"])
        answers = [service.delete("a0"), service.put({"id": "n1", "title": "t"})]
        answers.append(service.client.post("/api/v1/articles:bulk", data=b"{}"))
        assert [one.status_code for one in answers] == [403] * 3
        assert (self.last(service).outcome, self.last(service).target) == ("scope of the key", key.id)

    def test_a_resetting_key_counts_however_new_what_is_stored_is(self, service):
        """Waiting in the journal and served; a delete of long ago as well, and what was taken down stays down."""
        soon, long_ago = SOON, "2001-01-01"
        line = {"id": "n1", "title": "sai", "section": "Thể thao", "updated_at": soon}
        service.put(line)
        service.ingest()
        service.put(line | {"id": "n2"})
        right = [{"id": name, "title": "đúng", "section": "Thể thao", "updated_at": long_ago} for name in ("n1", "n2")]
        assert [service.put(one).json["applied"] for one in right] == [False, False]
        self.asking(service, ["ingest", "reset"], sections=["Thể thao"], deletes=1)
        assert [service.put(one).json["applied"] for one in right] == [True, True]
        service.ingest()
        told = [service.client.get(f"/api/v1/articles/{name}").json for name in ("n1", "n2")]
        assert [(one["title"], one["updated_at"][:10]) for one in told] == [("đúng", long_ago)] * 2
        assert service.put({"id": "a2", "title": "t", "section": "Thể thao"}).status_code == 403
        gone = [{"op": "delete", "id": name, "updated_at": "2000-01-01"} for name in ("n1", "n2")]
        assert [(one["status"], one["applied"]) for one in service.bulk(*gone)] == [(204, True), (429, False)]
        service.ingest()
        assert service.client.get("/api/v1/articles/n1").status_code == 404

    def batch(self, service, **environ):
        lines = b'{"id": "a0"}\n' + b" " * 250_000  # more than may be sent without a key
        return service.client.post("/api/v1/related:batch", data=lines, buffered=True, environ_base=environ)

    def test_a_reading_key_reads_much(self, service):
        key = self.asking(service, ["read"])
        assert self.batch(service).status_code == 200
        KeyStore(service.home.path).rotate(key.id, 0)
        refused = self.batch(service)
        assert refused.status_code == 401
        assert f"key {key.id}, which has expired" in refused.json["detail"]
        assert (self.last(service).outcome, self.last(service).target) == ("expired key", key.id)

    @pytest.mark.parametrize("scope", ["read", "ingest"])
    def test_from_elsewhere_it_reads_no_more_than_anybody(self, service, scope):
        key = self.asking(service, [scope], addresses=["203.0.113.0/24"])
        assert self.batch(service, REMOTE_ADDR="203.0.113.7").status_code == 200
        refused = self.batch(service, REMOTE_ADDR="198.51.100.7")
        assert (refused.status_code, refused.json["errors"][0]["field"]) == (403, "address")
        assert (self.last(service).outcome, self.last(service).target) == ("address of the key", key.id)

    def test_what_is_refused_without_a_key_that_is_known(self, service):
        for client in service.clients:
            client.environ_base.pop("HTTP_AUTHORIZATION")
        service.delete("a0")
        service.client.delete("/api/v1/articles/a0", headers={"Authorization": "Bearer x"})
        service.client.delete("/api/v1/articles/a0", headers={"Origin": "https://xau.example"})
        told = [(one.action, one.outcome, one.target) for one in AuditLog(service.home.path).entries()]
        assert told == [("request.refused", why, None) for why in ("no key", "unknown key", "another site")]


def test_settling_a_home_that_was_never_written_to(tmp_path):
    settle(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_told_of_an_address_that_is_taken(writer_of):
    sport = writer_of(sections=["Thể thao"])
    body = json.dumps({"id": "m", "title": "t", "section": "Thể thao", "aliases": ["a2"]}).encode()
    with pytest.raises(Forbidden, match="expected no alias or URL that an article answers to which the key may not"):
        writing.put(sport.live, "m", body, sport.guard())
