"""Editors' synonyms: what a file says, and following it as it changes."""

import logging
import os
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.text.syllables import LONGEST_TOKEN, syllables
from service.query.synonyms import NO_SYNONYMS, SynonymFile, Synonyms, parse

any_text = st.text(
    st.one_of(st.sampled_from("ab,,=>>#\\\n\n \r\x00\ufeff\udc80"), st.characters(exclude_categories=()))
)
terms = st.lists(st.sampled_from(["lũ", "lụt", "bão số", "gió", "TP.HCM", "hoà bình"]), min_size=2, max_size=4)
good_lines = st.tuples(terms, st.integers(0, 3)).map(
    lambda line: " => ".join(filter(None, (", ".join(line[0][: line[1]]), ", ".join(line[0][line[1] :]))))
)


def rules(text):
    """Return the rules with each term's syllables joined, of a text without problems."""
    synonyms = parse(text, "s.txt")
    assert synonyms.problems == ()
    return {" ".join(term): [" ".join(other) for other in found] for term, found in synonyms.rules.items()}


# parse


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", {}),
        ("\ufeff# một lời\n\n  \t\r\n  # nữa => a =>", {}),
        ("lũ, lụt", {"lũ": ["lụt"], "lụt": ["lũ"]}),
        ("a, b, c", {"a": ["b", "c"], "b": ["a", "c"], "c": ["a", "b"]}),
        ("tp hcm => Thành phố Hồ Chí Minh", {"tp hcm": ["thành phố hồ chí minh"]}),
        ("a => b, c", {"a": ["b", "c"]}),
        ("a, b => c", {"a": ["c"], "b": ["c"]}),
        ("a=>b\r\nc=>d\r", {"a": ["b"], "c": ["d"]}),
        ("TP.HCM, Hoà Bình", {"tp hcm": ["hòa bình"], "hòa bình": ["tp hcm"]}),
        ("08/2023 => nghị định", {"8 2023": ["nghị định"]}),
        # lines add up, say nothing twice, and do not chain
        ("a => b\na => c\na => b", {"a": ["b", "c"]}),
        ("a, b\nb, c", {"a": ["b"], "b": ["a", "c"], "c": ["b"]}),
        ("a, A, b", {"a": ["b"], "b": ["a"]}),
        ("a => a, b", {"a": ["b"]}),
        # what a backslash guards belongs to the term
        (r"1\,5 độ => a\=>b", {"1 5 độ": ["a b"]}),
        ("a = b, c > d", {"a b": ["c d"], "c d": ["a b"]}),
        ("c\\\\, d", {"c": ["d"], "d": ["c"]}),
        # a hash within a term
        ("c#, #d", {"c": ["d"], "d": ["c"]}),
        # a blank of another kind ends no line, an old Macintosh's return does
        ("a\u2028b, c", {"a b": ["c"], "c": ["a b"]}),
        ("a => b\rc => d", {"a": ["b"], "c": ["d"]}),
        (" ".join("abcdefghijkl") + " => z", {"a b c d e f g h i j k l": ["z"]}),
        ("a => b" + " " * 3000, {"a": ["b"]}),
        ("#" * 2001 + "\na => b", {"a": ["b"]}),
    ],
)
def test_parse(text, expected):
    assert rules(text) == expected


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("a =>", "'a =>': expected a term on each side of =>"),
        ("=> b", "'=> b': expected a term on each side of =>"),
        ("=>", "'=>': expected a term on each side of =>"),
        ("a => , ", "'a => ,': expected a term on each side of =>"),
        (",", "',': expected a letter or digit in every term between commas"),
        ("a => b => c", "'a => b => c': expected one => at most, not 2"),
        ("a, , b", "'a, , b': expected a letter or digit in every term between commas"),
        ("a, b,", "'a, b,': expected a letter or digit in every term between commas"),
        ("a, !?", "'a, !?': expected a letter or digit in every term between commas"),
        ("a", "'a': expected two different terms at least"),
        ("hoà => hòa", "'hoà => hòa': expected two different terms at least"),
        ("a, b # c", "'a, b # c': expected a comment on a line of its own"),
        (
            " ".join("abcdefghijklm") + " => z",
            "'a b c d e f g h i j k l m => z': expected at most 12 syllables a term, not 13",
        ),
        ("a, " + "b" * 1998, f"'a, {'b' * 57}…': expected at most 2000 characters, not 2001"),
        ("a, b\udcff", "'a, b\ufffd': expected text in UTF-8"),
        ("a\x00, b", "'a, b': expected text in UTF-8"),
    ],
)
def test_a_bad_line_is_a_problem_and_the_others_count(line, problem):
    synonyms = parse(f"lũ => lụt\n{line}\r\nbão => gió", "synonyms.txt")
    assert synonyms.problems == (f"synonyms.txt:2: {problem}",)
    assert synonyms.rules == {("lũ",): (("lụt",),), ("bão",): (("gió",),)}


def test_a_line_of_the_greatest_length_is_good():
    assert rules("a, b" + " " * 1995 + "c") == {"a": ["b c"], "b c": ["a"]}
    assert rules("a, " + "b" * 1997) == {"a": ["b" * LONGEST_TOKEN], "b" * LONGEST_TOKEN: ["a"]}


@given(any_text)
def test_any_text_gives_rules_of_canonical_terms_and_printable_problems(text):
    synonyms = parse(text, "s.txt")
    for term, others in synonyms.rules.items():
        assert others
        assert term not in others
        for found in (term, *others):
            assert list(found) == syllables(" ".join(found))
            assert 1 <= len(found) <= 12
    assert all(problem.encode().startswith(b"s.txt:") and "\n" not in problem for problem in synonyms.problems)


@given(st.lists(terms.map(", ".join), max_size=5))
def test_two_way_rules_are_symmetric(lines):
    found = parse("\n".join(lines), "s.txt").rules
    assert all(term in found[other] for term, others in found.items() for other in others)


@given(st.lists(good_lines, max_size=6), st.randoms(), st.lists(st.sampled_from("lũ lụt bão số gió tp hcm".split())))
def test_the_order_of_lines_does_not_matter(lines, dice, parts):
    shuffled = dice.sample(lines, len(lines))
    first, second = (parse("\n".join(order), "s.txt").alternatives(parts) for order in (lines, shuffled))
    assert set(first) == set(second)
    assert len(set(first)) == len(first)


# alternatives


def test_alternatives_longest_first_then_by_place():
    synonyms = parse("hồ chí minh => bác\nhồ => ao, đầm\nminh hồ => x", "s.txt")
    assert synonyms.alternatives("hồ chí minh hồ".split()) == [
        (0, 3, ("bác",)),
        (2, 4, ("x",)),
        (0, 1, ("ao",)),
        (0, 1, ("đầm",)),
        (3, 4, ("ao",)),
        (3, 4, ("đầm",)),
    ]


def test_no_alternatives():
    synonyms = parse("a b => c", "s.txt")
    assert synonyms.alternatives([]) == synonyms.alternatives(["a"]) == synonyms.alternatives(["b", "a"]) == []
    assert NO_SYNONYMS.alternatives(["a"]) == []


@given(st.lists(good_lines, max_size=6), st.lists(st.sampled_from("lũ lụt bão số gió tp hcm hòa bình".split())))
def test_alternatives_are_all_there_are(lines, parts):
    synonyms = parse("\n".join(lines), "s.txt")
    expected = {
        (start, end, other)
        for term, others in synonyms.rules.items()
        for start in range(len(parts))
        for end in range(start + 1, len(parts) + 1)
        for other in others
        if tuple(parts[start:end]) == term
    }
    found = synonyms.alternatives(parts)
    assert set(found) == expected
    assert found == sorted(found, key=lambda place: (place[0] - place[1], place[0]))


# SynonymFile


@pytest.fixture
def path(tmp_path):
    return tmp_path / "synonyms.txt"


GOOD = {("a",): (("b",),)}
KEPT = "the rules before stay in force"


def test_no_path():
    assert SynonymFile(None).current() is NO_SYNONYMS


def test_a_changed_file_is_taken_up_at_once(path):
    path.write_text("a => b", encoding="utf-8")
    followed = SynonymFile(path)
    assert followed.current() == Synonyms(GOOD)
    path.write_text("a => c, đ", encoding="utf-8")
    assert followed.current().rules == {("a",): (("c",), ("đ",))}


@pytest.mark.parametrize("what", ["mtime", "size", "inode"])
def test_each_sign_of_a_change_counts(path, what):
    path.write_text("a => b", encoding="utf-8")
    os.utime(path, ns=(10, 10))
    followed = SynonymFile(path)
    followed.current()
    new = path.with_name("new") if what == "inode" else path
    new.write_text("a => cc" if what == "size" else "a => c", encoding="utf-8")
    os.utime(new, ns=(10, 11 if what == "mtime" else 10))
    new.replace(path)
    assert followed.current().rules == {("a",): (("cc" if what == "size" else "c",),)}


def test_an_unchanged_file_is_not_read_again(path):
    path.write_text("a => b", encoding="utf-8")
    followed = SynonymFile(path)
    first = followed.current()
    assert followed.current() is first


def test_a_file_that_is_missing_at_first_and_comes(path):
    followed = SynonymFile(path)
    assert followed.current() == Synonyms({}, ("synonyms.txt: cannot be read: No such file or directory",))
    path.write_text("a => b", encoding="utf-8")
    assert followed.current() == Synonyms(GOOD)


def test_a_file_that_goes_and_comes_back_as_it_was(path, caplog):
    path.write_text("a => b", encoding="utf-8")
    followed = SynonymFile(path)
    followed.current()
    away = path.rename(path.with_name("away"))
    with caplog.at_level(logging.WARNING):
        for _ in range(3):
            kept = followed.current()
    assert kept == Synonyms(GOOD, ("synonyms.txt: cannot be read: No such file or directory", KEPT))
    assert len(caplog.records) == 1
    away.rename(path)
    assert followed.current() == Synonyms(GOOD)


def test_a_directory_is_no_file(path):
    path.mkdir()
    assert SynonymFile(path).current().problems == ("synonyms.txt: cannot be read: it is not a file",)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="needs named pipes")
def test_a_pipe_does_not_hold_anybody_up(path):
    os.mkfifo(path)
    assert SynonymFile(path).current().problems == ("synonyms.txt: cannot be read: it is not a file",)


def test_a_wholly_bad_file_leaves_the_rules_before(path):
    path.write_text("a => b", encoding="utf-8")
    followed = SynonymFile(path)
    followed.current()
    path.write_bytes("a => c, d".encode("utf-16"))
    bad = followed.current()
    assert bad.rules == GOOD
    assert bad.problems == ("synonyms.txt:1: '\ufffd\ufffda => c, d': expected text in UTF-8", KEPT)


def test_a_wholly_bad_file_at_first_is_empty(path):
    path.write_text("a", encoding="utf-8")
    assert SynonymFile(path).current() == Synonyms({}, ("synonyms.txt:1: 'a': expected two different terms at least",))


def test_good_lines_of_a_file_count_and_bytes_that_are_no_text_do_not(path):
    path.write_bytes(b"a => b\nc => \xff\n" + "đ => e".encode())
    assert SynonymFile(path).current() == Synonyms(
        GOOD | {("đ",): (("e",),)}, ("synonyms.txt:2: 'c => \ufffd': expected text in UTF-8",)
    )


@pytest.mark.parametrize("text", ["", "# không còn gì\n"])
def test_a_file_without_rules_and_problems_takes_the_rules_away(path, text):
    path.write_text("a => b", encoding="utf-8")
    followed = SynonymFile(path)
    followed.current()
    path.write_text(text, encoding="utf-8")
    assert followed.current() == NO_SYNONYMS


def test_one_thread_looks_while_others_wait(path, monkeypatch):
    path.write_text("a => b", encoding="utf-8")
    followed = SynonymFile(path)
    look, looking, go_on, seen = followed._look, threading.Event(), threading.Event(), []

    def slow_look(path):
        looking.set()
        assert go_on.wait(10)
        look(path)

    monkeypatch.setattr(followed, "_look", slow_look)
    threads = [threading.Thread(target=lambda: seen.append(followed.current().rules)) for _ in range(3)]
    threads[0].start()
    assert looking.wait(10)
    for thread in threads[1:]:
        thread.start()
        thread.join(0.05)
    assert seen == []
    go_on.set()
    for thread in threads:
        thread.join()
    assert seen == [GOOD] * 3


def test_many_threads_see_whole_files_only(path):
    versions = ["".join(f"k{i} => {version}\n" for i in range(50)) for version in ("v", "v1")]
    path.write_text(versions[0], encoding="utf-8")
    followed = SynonymFile(path)
    mixed, stopped = [], threading.Event()

    def read():
        while not stopped.is_set():
            found = followed.current()
            if len({others for others in found.rules.values()}) != 1 or len(found.rules) != 50 or found.problems:
                mixed.append(found)

    threads = [threading.Thread(target=read) for _ in range(4)]
    for thread in threads:
        thread.start()
    for turn in range(100):
        new = path.with_name("new")
        new.write_text(versions[turn % 2], encoding="utf-8")
        new.replace(path)
    stopped.set()
    for thread in threads:
        thread.join()
    assert mixed == []
    assert followed.current().rules[("k0",)] == (("v1",),)
