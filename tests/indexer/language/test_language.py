"""The trigram model: Kneser-Ney by hand, probabilities that sum to one, words with their commonest spellings."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.language import restoration
from indexer.language.restoration import BREAK, NUMBER, Language, LanguageWriter
from indexer.text.syllables import folded, spelt


@pytest.fixture(scope="module")
def language_of(tmp_path_factory):
    """Return a function that counts texts, each a line of words with a blank between, and opens the tables."""

    def make(*texts):
        writer = LanguageWriter()
        for text in texts:
            writer.add(text.split(" ") if text else [])
        directory = tmp_path_factory.mktemp("language") / "tables"
        writer.write(directory)
        return Language(directory)

    return make


def follow(model, before, row, words):
    """Return the chance of each word after each state, a last word and the pair of the last two, and the new pairs."""
    before, row, words = (np.array(part, dtype=np.int64) for part in (before, row, words))
    pairs = model.pairs(*np.broadcast_arrays(before[:, None], words[None, :]))
    backoff = np.where(row >= 0, model._pair_backoff[row], 0)
    scores = model.after_pairs(row, backoff, words, pairs.score)
    assert pairs.row.dtype == np.int64
    assert scores.shape == pairs.row.shape == (len(before), len(words))
    return np.exp(scores.astype(np.float64)), pairs.row


def ids(model, *words):
    return [model.id_of(word) for word in words]


class TestByHand:
    """`a b`, `a b`, `a c`: with ends of clauses B a b B a b B a c B B B.

    Six pairs of neighbours, Ba BB ab ac bB cB, so that as continuations B counts 3 and a, b, c 1 each; with half a
    count for each of five words (numbers are one) they have 7, 3, 3, 3 and 1 of 17 parts. Five pairs follow one word
    and BB two, a discount of 5/7. Of the trigrams Bab, abB and bBa are there twice, four once: 4/10.
    """

    @pytest.fixture(scope="class")
    @classmethod
    def model(cls, language_of):
        return language_of("a b", "a b", "a c")

    def test_words_by_how_common_they_are(self, model):
        assert model.words == ["", "0", "a", "b", "c"]
        assert model.counts.tolist() == [6, 0, 3, 2, 1]
        assert ids(model, "", "0", "a", "b", "c", "d") == [BREAK, NUMBER, 2, 3, 4, None]

    def test_a_pair(self, model):
        found, rows = follow(model, [2], [-1], [3, 4, 2, BREAK, NUMBER])
        # 1/2 less the discount, and 5/7 of the word's own share
        assert found[0] * 119 == pytest.approx([32, 32, 15, 35, 5], rel=1e-5)
        assert rows[0].tolist() == [2, 3, -1, -1, -1]
        assert follow(model, [BREAK], [-1], [2])[0][0, 0] == pytest.approx(64 / 357, rel=1e-5)

    def test_three_words(self, model):
        _, rows = follow(model, [BREAK], [-1], [2])
        found, after = follow(model, [2], rows[0], [3, 4, 2, BREAK, NUMBER])
        # (2 - 0.4) / 3 or (1 - 0.4) / 3 where there, and 0.8 / 3 of the pair's probability
        assert found[0] * 357 == pytest.approx([216, 97, 12, 28, 4], rel=1e-5)
        assert after[0].tolist() == [2, 3, -1, -1, -1]

    def test_many_states_at_once(self, model):
        together, rows = follow(model, [2, BREAK, 2], [1, -1, -1], [3, 4])
        for at, (before, row) in enumerate([(2, 1), (BREAK, -1), (2, -1)]):
            alone, its_rows = follow(model, [before], [row], [3, 4])
            assert together[at].tolist() == alone[0].tolist()
            assert rows[at].tolist() == its_rows[0].tolist()

    def test_pairs_are_known_by_themselves_and_by_what_follows_them(self, model):
        before, word = np.array([2, 2, NUMBER]), np.array([3, 2, BREAK])
        pairs = model.pairs(before, word)
        assert np.exp(pairs.score) * 119 == pytest.approx([32, 15, 49], rel=1e-5)
        assert pairs.row.tolist() == [2, -1, -1]
        assert pairs.backoff[1:].tolist() == [0, 0]
        lower = np.log(np.array([[0.5, 0.25]] * 3, dtype=np.float32))
        after = np.exp(model.after_pairs(pairs.row, pairs.backoff, np.array([BREAK, 4]), lower))
        # Of two, 0.4 are the discount, which goes to what the second word alone is followed by: where the archive has
        # all three, the table has 2/7 + 5/7 * 7/17 of that already.
        known, other = 0.8 + 0.2 * 69 / 119, 0.2 * 0.25
        assert after == pytest.approx(np.array([[known, other], [0.5, 0.25], [0.5, 0.25]]), rel=1e-5)

    def test_a_word_that_follows_nothing_has_its_own_share_alone(self, model):
        found, _ = follow(model, [NUMBER], [-1], [BREAK, 2, NUMBER])
        assert found[0] * 17 == pytest.approx([7, 3, 1], rel=1e-5)

    def test_trigrams_that_are_not_kept_leave_their_share_to_pairs(self, language_of, monkeypatch):
        monkeypatch.setattr(restoration, "_KEEP_SINGLE", 0)
        model = language_of("a b", "a b", "a c")
        found, _ = follow(model, [2], [1], [3, 4])
        # Of three, 0.4 are the discount and 1 is what was left out
        assert found[0] == pytest.approx([1.6 / 3 + 1.4 / 3 * 32 / 119, 1.4 / 3 * 32 / 119], rel=1e-5)


class TestWords:
    def test_shown_is_the_commonest_spelling(self, language_of):
        assert language_of("hoà hòa hoà").shown[2:] == ["hoà"]
        assert language_of("hoà hòa hòa").shown[2:] == ["hòa"]
        model = language_of("hoà hòa hoà thuỷ")
        assert model.words == ["", "0", "hòa", "thủy"]
        assert model.shown == ["", "0", "hoà", "thuỷ"]
        assert model.counts.tolist()[1:] == [0, 3, 1]
        assert ids(model, "hòa", "hoà") == [2, None]

    def test_alike_without_diacritics(self, language_of):
        model = language_of("ma má má mà mà mà mã 3 hoà hóa")
        assert [model.words[at] for at in model.alike("ma")] == ["mà", "má", "ma", "mã"]
        assert model.seen("ma") == 7
        assert sorted(model.words[at] for at in model.alike("hoa")) == ["hòa", "hóa"]
        assert model.alike("mà") == model.alike("3") == model.alike("") == []
        assert model.seen("x") == 0

    def test_a_word_alone_is_alike_to_itself(self, language_of):
        model = language_of("samsung mặt samsung")
        assert [model.words[at] for at in model.alike("samsung")] == ["samsung"]
        assert (model.seen("samsung"), model.seen("mat")) == (2, 1)
        assert model.alike("mặt") == []

    def test_spellings_of_one_word_count_together(self, language_of):
        model = language_of("hoà hòa hóa hóa hoà")
        assert [model.words[at] for at in model.alike("hoa")] == ["hòa", "hóa"]
        assert model.seen("hoa") == 5

    def test_numbers_are_one_word(self, language_of):
        model = language_of("năm 2023 a1 ½ 5")
        assert ids(model, "2023", "7", "a1") == [NUMBER] * 3
        assert model.counts[NUMBER] == 4
        assert len(model.words) == 3

    def test_texts_do_not_run_into_each_other(self, language_of):
        model = language_of("a b", "c d")
        assert follow(model, ids(model, "b"), [-1], ids(model, "c"))[1].tolist() == [[-1]]
        assert follow(model, ids(model, "b"), [-1], [BREAK])[1][0, 0] >= 0

    def test_more_words_than_there_are_ids(self, language_of, monkeypatch):
        monkeypatch.setattr(restoration, "_MAX_WORDS", 3)
        model = language_of("a a b")
        assert model.words == ["", "0", "a"]
        assert model.id_of("b") is None
        assert follow(model, [2], [-1], [2, BREAK])[1].min() >= 0


class TestLimits:
    def test_no_text_is_added_once_there_is_enough(self, language_of, monkeypatch):
        monkeypatch.setattr(restoration, "MAX_TOKENS", 6)
        model = language_of("a b", "c d e", "f")
        assert model.words == ["", "0", *"abcde"]
        assert model.counts.sum() == 7 + 3

    def test_an_empty_archive(self, language_of):
        for model in (language_of(), language_of("", "")):
            assert model.words == model.shown == ["", "0"]
            assert model.alike("a") == []
            assert model.seen("a") == 0
            found, rows = follow(model, [BREAK, NUMBER], [-1, -1], [BREAK, NUMBER])
            assert found.sum(axis=1) == pytest.approx([1, 1], abs=1e-5)
            assert rows.tolist() == [[0, -1], [-1, -1]]


class TestFiles:
    def test_they_reopen_the_same(self, tmp_path):
        writer = LanguageWriter()
        writer.add("hoà hòa gốm 3 gốm".split())
        writer.write(tmp_path / "tables")
        one, other = Language(tmp_path / "tables"), Language(tmp_path / "tables")
        assert (one.words, one.shown) == (other.words, other.shown)
        every = list(range(len(one.words)))
        for found, again in zip(
            follow(one, every, [-1] * len(every), every), follow(other, every, [-1] * len(every), every), strict=True
        ):
            assert found.tolist() == again.tolist()

    def test_two_countings_write_the_same_bytes(self, tmp_path):
        for name in ("one", "other"):
            writer = LanguageWriter()
            for text in ("b a hoà hòa", "a b 3", "c"):
                writer.add(text.split())
            writer.write(tmp_path / name)
        names = sorted(path.name for path in (tmp_path / "one").iterdir())
        assert names == sorted(path.name for path in (tmp_path / "other").iterdir())
        for name in names:
            assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "other" / name).read_bytes()

    def test_words_and_counts_that_do_not_agree_are_refused(self, tmp_path):
        writer = LanguageWriter()
        writer.add(["a"])
        writer.write(tmp_path / "tables")
        with (tmp_path / "tables" / "words.txt").open("a", encoding="utf-8") as file:
            file.write("\nb\tb")
        with pytest.raises(ValueError, match="4 words, 3 counts: expected as many"):
            Language(tmp_path / "tables")


spellings = st.sampled_from(["", "a", "b", "c", "hoà", "hòa", "hóa", "hoa", "3", "a1"])
corpora = st.lists(st.lists(spellings, max_size=12).map(" ".join), max_size=6)


class TestLaws:
    @pytest.mark.parametrize("single", [10**9, 0], ids=["all kept", "single trigrams left out"])
    @given(texts=corpora)
    @settings(max_examples=60)
    def test_what_may_follow_sums_to_one(self, language_of, single, texts):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(restoration, "_KEEP_SINGLE", single)
            model = language_of("a b", "a b", *texts)  # a trigram twice: an archive of millions of words has one
        every = list(range(len(model.words)))
        found, rows = follow(model, every, [-1] * len(every), every)
        assert found.sum(axis=1) == pytest.approx(np.ones(len(every)), abs=1e-5)
        pairs = [(word, int(rows[before, word])) for before in every for word in every if rows[before, word] >= 0]
        after, again = follow(model, [word for word, _ in pairs], [row for _, row in pairs], every)
        assert after.sum(axis=1) == pytest.approx(np.ones(len(pairs)), abs=1e-5)
        assert again.tolist() == [rows[word].tolist() for word, _ in pairs]
        assert math.isfinite(np.log(found).sum() + np.log(after).sum())

    @given(texts=corpora)
    @settings(max_examples=60)
    def test_words_are_counted_naively(self, language_of, texts):
        model = language_of(*texts)
        said = [word for text in texts for word in text.split(" ") if word.isalpha()]
        assert sorted(model.words[2:]) == sorted({spelt(word) for word in said})
        for at, word in enumerate(model.words[2:], 2):
            assert model.counts[at] == sum(spelt(one) == word for one in said)
            assert said.count(model.shown[at]) == max(said.count(one) for one in said if spelt(one) == word)
            assert at in model.alike(folded(word))
        for fold in {folded(word) for word in model.words[2:]}:
            counts = [model.counts[at] for at in model.alike(fold)]
            assert counts == sorted(counts, reverse=True)
            assert model.seen(fold) == sum(folded(word) == fold for word in said)


class TestUsage:
    def test_of_a_word_it_is_in_how_many_contexts_it_stands(self, language_of):
        model = language_of("xe hơi", "mua xe", "bán xe", "thuê xe", *["hơi"] * 9)
        xe, hơi = model.usage([["xe"], ["hơi"]])
        assert xe > hơi  # after four different words, a beginning among them; the other after two, though more often

    def test_of_a_run_it_is_that_of_the_first_word_times_the_chance_of_those_after(self, language_of):
        model = language_of("xe hơi cũ", "xe đạp", "hơi xe")
        first, second, third = (np.array([model.id_of(word)]) for word in ("xe", "hơi", "cũ"))
        chances = [float(np.exp(model.pairs(*two).score[0])) for two in ((first, second), (second, third))]
        alone = float(np.exp(model._unigram[model.id_of("xe")])) * model.counts.sum()
        found = model.usage([["xe", "hơi", "cũ"], ["xe", "hơi"], ["xe"]])
        assert found.dtype == np.float64
        assert found == pytest.approx([alone * chances[0] * chances[1], alone * chances[0], alone])

    def test_what_is_there_is_told_from_what_is_not(self, language_of):
        model = language_of("mua xe hơi", "bán xe hơi", "thuê xe hơi", "xe đạp", "đạp lúa")
        there, absent = model.usage([["xe", "hơi"], ["xe", "lúa"]])
        assert there > 5 * absent

    def test_of_a_word_that_is_nowhere_it_is_none(self, language_of):
        model = language_of("xe hơi")
        assert model.usage([["tàu"], ["xe", "tàu"], ["tàu", "xe"]]).tolist() == [0, 0, 0]
