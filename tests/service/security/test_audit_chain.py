"""The chain of the audit log: worked by hand, and that no change of any entry goes unnoticed."""

import hashlib
import hmac
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from service.security.audit_chain import (
    MOST_PROBLEMS,
    PRUNED,
    START,
    ChainHead,
    ChainRow,
    check,
    link,
    parse_head,
    seal,
)

SECRET = b"s" * 32


def log(count, first=1, before=START, secret=SECRET):
    """Return the rows of a log."""
    rows = []
    for number in range(first, first + count):
        content = json.dumps({"number": number, "action": "article.put", "detail": {}}).encode()
        before = link(before, content)
        rows.append(ChainRow(number, content, before, seal(secret, before)))
    return rows


def problems(rows, head=None, last=None, checkpoint=None, secret=SECRET):
    return list(check(rows, secret, rows[-1].number if last is None else last, checkpoint, head).problems)


class TestByHand:
    def test_a_link_is_sha256_of_the_hash_before_and_the_content(self):
        assert hashlib.sha256(b"lienquan audit log").digest() == START
        assert link(b"\0" * 32, b"{}") == hashlib.sha256(b"\0" * 32 + b"{}").digest()

    def test_a_seal_is_an_hmac_of_it(self):
        assert seal(b"k", b"\1" * 32) == hmac.digest(b"k", b"lienquan audit\0" + b"\1" * 32, "sha256")

    def test_a_head_is_written_and_read(self):
        head = ChainHead(7, b"\xab" * 32)
        assert str(head) == "7:" + "ab" * 32
        assert parse_head(f" {head} \n") == head
        assert parse_head("AB" * 32) == ChainHead(None, b"\xab" * 32)

    @pytest.mark.parametrize("text", ["", "7:", "0:" + "ab" * 32, "7:" + "ab" * 31, "x" * 64, "7:7:" + "ab" * 32])
    def test_what_is_no_head(self, text):
        with pytest.raises(ValueError, match=r"^head: .*: expected NUMBER:HASH"):
            parse_head(text)


class TestWhole:
    @pytest.mark.parametrize("count", [1, 2, 30])
    def test_a_log_as_it_was_written(self, count):
        rows = log(count)
        found = check(rows, SECRET, count, None, ChainHead(1, rows[0].hash))
        assert (found.entries, found.problems) == (count, ())
        assert found.head == ChainHead(count, rows[-1].hash)

    def test_an_empty_one(self):
        assert check((), SECRET, 0) == check((), None, 0)
        assert check((), SECRET, 0).head is None

    def test_one_that_was_pruned(self):
        rows = log(9)
        content = json.dumps(
            {"number": 10, "action": PRUNED, "detail": {"up_to": 4, "hash": rows[3].hash.hex()}}
        ).encode()
        tie = link(rows[-1].hash, content)
        kept = [*rows[4:], ChainRow(10, content, tie, seal(SECRET, tie))]
        assert problems(kept, checkpoint=kept[-1]) == []
        assert problems(kept, ChainHead(4, rows[3].hash), checkpoint=kept[-1]) == []
        (told,) = problems(kept, ChainHead(2, rows[1].hash), checkpoint=kept[-1])
        assert "was pruned: expected one of entry 4 or later" in told
        assert any("entries before 6 are missing" in one for one in problems(kept[1:], checkpoint=kept[-1]))
        assert any("entries before 5 are missing" in one for one in problems(kept[:-1]))


class TestTampering:
    @given(st.data())
    def test_any_change_of_any_entry_is_told(self, data):
        rows = log(data.draw(st.integers(2, 8)))
        at = data.draw(st.integers(0, len(rows) - 1))
        row = rows[at]
        kind = data.draw(st.sampled_from(["content", "hash", "mac", "number", "removed", "swapped", "twice", "cut"]))
        changed = list(rows)
        if kind in {"content", "hash", "mac"}:
            value = bytearray(getattr(row, kind))
            value[data.draw(st.integers(0, len(value) - 1))] ^= data.draw(st.integers(1, 255))
            changed[at] = row._replace(**{kind: bytes(value)})
        elif kind == "number":
            changed[at] = row._replace(number=data.draw(st.integers(-3, 20).filter(lambda n: n != row.number)))
        elif kind == "removed":
            del changed[at]
        elif kind == "swapped":
            other = data.draw(st.integers(0, len(rows) - 1).filter(lambda n: n != at))
            changed[at], changed[other] = rows[other]._replace(number=row.number), row._replace(number=other + 1)
        elif kind == "twice":
            changed.insert(at, row)
        else:
            changed = rows[:at]
        assert problems(changed, last=len(rows)) != []

    @given(st.data())
    def test_whoever_lacks_the_secret_cannot_make_the_chain_anew(self, data):
        rows = log(data.draw(st.integers(1, 6)))
        forged = log(len(rows) + data.draw(st.integers(-len(rows) + 1, 3)), secret=b"guessed")
        assert any("was not sealed" in one for one in problems(forged))

    def test_without_the_secret_a_chain_that_was_made_anew_looks_whole_but_a_head_tells(self):
        """What a chain cannot prove: that is why a head is kept elsewhere."""
        rows, last = log(5), log(5)[-1]
        forged = log(4)
        assert problems(forged, last=4) == []
        (told,) = problems(forged, ChainHead(5, last.hash), last=4)
        assert "the log ends at entry 4: what was written after it is gone" in told
        (told,) = problems(rows, ChainHead(None, b"\0" * 32))
        assert "is not in this log" in told
        (told,) = problems(rows, ChainHead(3, rows[3].hash))
        assert "is not in this log" in told

    @given(st.binary(max_size=40))
    def test_what_is_no_json_is_told_not_raised(self, content):
        tie = link(START, content)
        assert problems([ChainRow(1, content, tie, seal(SECRET, tie))]) != []

    def test_a_checkpoint_that_was_forged_is_told(self):
        rows = log(6)
        content = json.dumps({"number": 6, "action": PRUNED, "detail": {"up_to": 3, "hash": "0" * 64}}).encode()
        rows[5] = ChainRow(6, content, link(rows[4].hash, content), rows[5].mac)
        assert len(problems(rows[3:], checkpoint=rows[5])) >= 2

    def test_problems_are_bounded(self):
        rows = [row._replace(mac=b"") for row in log(200)]
        assert len(problems(rows)) == MOST_PROBLEMS
