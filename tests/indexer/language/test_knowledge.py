"""What a segment knows beside its articles: gathered, written, read again, and nothing of what is not public."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.articles.article import validate
from indexer.articles.prepared import PreparedArticle
from indexer.language import lexicon
from indexer.language.knowledge import Knowledge, KnowledgeWriter, Names
from indexer.language.mining import MinedAbbreviation, Name
from indexer.language.named import NameOccurrences
from indexer.text.syllables import spaced, syllables

NOW = datetime(2023, 11, 15, 8, tzinfo=UTC)
TICK = timedelta(microseconds=1)
AHEAD = {"published_at": (NOW + TICK).isoformat()}
GONE = {"unpublish_at": NOW.isoformat()}

# The syllables of these are invented, so that no shipped phrase has them.
PLEM = {"title": "Bà Plêm Zẩu Krốt kể chuyện", "body": "Hợp tác xã Gốm zẩu (HTXGZ) mở cửa."}


def article(row, **fields):
    found = validate({"id": f"a{row}", "title": f"Tin {row}", **fields})
    assert not isinstance(found, list), found
    return found


@pytest.fixture(scope="module")
def knowledge_of(tmp_path_factory):
    """Return a function that gathers what lines teach at NOW, and opens it."""

    def make(*lines):
        writer = KnowledgeWriter(NOW)
        for row, line in enumerate(lines):
            writer.add(row, PreparedArticle.of(article(row, **line)))
        directory = tmp_path_factory.mktemp("knowledge") / "language"
        writer.write(directory, directory.parent)
        knowledge = Knowledge(directory)
        knowledge.named = NameOccurrences(directory.parent)
        return knowledge

    return make


@pytest.fixture(scope="module")
def untaught(knowledge_of):
    """Return what is known without any article: the shipped phrases."""
    return knowledge_of()


def known(knowledge):
    """Return all that is known, the shipped phrases' words included."""
    language = knowledge.language
    words = list(zip(language.words, language.shown, language.counts.tolist(), strict=True))
    return sorted(words[2:]), words[1], knowledge.abbreviations, list(knowledge.names)


class TestTaught:
    def test_words_abbreviations_and_names_are_read_as_they_were_found(self, knowledge_of):
        knowledge = knowledge_of(PLEM, {"title": "Gốm mới"}, PLEM)
        language = knowledge.language
        assert [language.counts[language.id_of(word)] for word in ("plêm", "krốt")] == [2, 2]
        assert language.counts[language.id_of("zẩu")] == 4
        assert knowledge.abbreviations == [MinedAbbreviation("HTXGZ", "hợp tác xã gốm zẩu", 2, 1.0)]
        assert list(knowledge.names) == [Name("Plêm Zẩu Krốt", 2, (0, 2))]
        assert isinstance(knowledge.names[0].rows, tuple)

    def test_a_young_archive_knows_the_shipped_phrases(self, untaught):
        assert untaught.abbreviations == list(untaught.names) == []
        first, second = syllables(lexicon.phrases()[0])[:2]
        language = untaught.language
        before, word = (np.array([n], dtype=np.int64) for n in (language.id_of(first), language.id_of(second)))
        assert language.pairs(before, word).row[0] >= 0
        shipped = [syllable for phrase in lexicon.phrases() for syllable in syllables(phrase) if syllable.isalpha()]
        assert language.counts[2:].sum() == len(shipped)
        assert spaced(" ".join(language.shown[2:])).split() == language.words[2:]


class TestNamed:
    def test_what_others_hold_too(self, knowledge_of):
        both = {"title": "gặp Trần Gốm ở Xóm Hòa"}
        knowledge = knowledge_of(both, {"title": "ở Xóm Hoà", "lead": "có Lê Lụa"}, {"title": "Mưa"}, both)
        named = [[knowledge.names[place].text for place in knowledge.named.of(row)] for row in range(5)]
        assert named == [["Xóm Hòa", "Trần Gốm"], ["Xóm Hòa"], [], ["Xóm Hòa", "Trần Gốm"], []]

    def test_beyond_the_rows_that_a_name_shows(self, knowledge_of):
        knowledge = knowledge_of(*[{"title": "ở Xóm Hòa"}] * 30)
        assert [len(knowledge.named.of(row)) for row in range(30)] == [1] * 30
        assert len(knowledge.names[0].rows) < 30

    def test_what_is_not_public_has_none(self, knowledge_of):
        knowledge = knowledge_of(PLEM, {**PLEM, **AHEAD}, PLEM)
        assert [len(knowledge.named.of(row)) for row in range(3)] == [1, 0, 1]

    def test_of_an_empty_archive(self, untaught):
        assert untaught.named.of(0) == []


class TestNames:
    @given(
        st.lists(st.tuples(st.text(max_size=9), st.integers(0, 99), st.lists(st.integers(0, 2**31 - 1), max_size=16)))
    )
    def test_they_are_a_sequence_of_what_was_given(self, given_names):
        names = Names(given_names)
        expected = [Name(text, count, tuple(rows)) for text, count, rows in given_names]
        assert list(names) == expected
        assert names[1:] == expected[1:]
        assert [names[at] for at in range(-len(names), 0)] == expected
        with pytest.raises(IndexError):
            names[len(expected)]


class TestEmbargo:
    @pytest.mark.parametrize(
        "fields",
        [
            AHEAD,
            {"published_at": "2999-01-01"},
            GONE,
            {"unpublish_at": "2001-01-01"},
            {**AHEAD, "unpublish_at": "2999-01-01"},
            {"published_at": "2001-01-01", **GONE},
        ],
    )
    def test_what_is_not_public_teaches_nothing(self, knowledge_of, untaught, fields):
        assert known(knowledge_of({**PLEM, **fields}, {**PLEM, **fields})) == known(untaught)

    @pytest.mark.parametrize(
        "fields",
        [
            {},
            {"published_at": NOW.isoformat()},
            {"unpublish_at": (NOW + TICK).isoformat()},
            {"published_at": "2001-01-01", "unpublish_at": "2999-01-01"},
        ],
    )
    def test_what_is_public_teaches(self, knowledge_of, fields):
        assert known(knowledge_of({**PLEM, **fields}, {**PLEM, **fields})) == known(knowledge_of(PLEM, PLEM))

    def test_rows_are_counted_over_what_teaches_nothing(self, knowledge_of):
        knowledge = knowledge_of({**PLEM, **AHEAD}, PLEM, {**PLEM, **GONE}, PLEM)
        assert list(knowledge.names) == [Name("Plêm Zẩu Krốt", 2, (1, 3))]
        assert [mined.count for mined in knowledge.abbreviations] == [2]

    @given(st.lists(st.tuples(st.sampled_from([{}, AHEAD, GONE]), st.sampled_from(["krốt", "plêm zẩu"])), max_size=5))
    @settings(max_examples=10)
    def test_it_is_as_if_they_were_not_there(self, knowledge_of, lines):
        every = [{"title": f"Tin {said}", "body": f"{said} (ABCD)", **fields} for fields, said in lines]
        public = [line for line, (fields, _) in zip(every, lines, strict=True) if not fields]
        assert known(knowledge_of(*every)) == known(knowledge_of(*public))
