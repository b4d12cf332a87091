"""From hits to what is sent: every field at its place, reasons in words, a batch line by line."""

import json
from dataclasses import replace
from datetime import datetime
from types import SimpleNamespace

import pytest

from indexer.articles.article import VIETNAM, validate
from models.hashing import HashingEncoder
from service.answers import written
from service.answers.shapes import MAX_FACET, SearchList
from service.hits import Answer, Fate, Hit, Numbers, Reason
from service.query.understanding import Expansion
from service.ranking.presets import FallbackName
from service.rules.applied import MissingPin
from service.schemas import BatchLine, BatchParams
from service.searcher import Searcher

LINE = {
    "id": "bai",
    "title": "Chợ nổi họp lại",
    "lead": "Dẫn",
    "body": "Thân bài không gửi đi.",
    "url": "https://baoden.example/cho",
    "section": "Đời sống",
    "published_at": "2024-03-01T08:00",
    "tags": ["chợ"],
}
NUMBERS = Numbers(0.5, 0.25, 12.0, 0.5, 0.75, 2.0, 0.125, ("r-1",))


def article(**fields):
    found = validate({**LINE, **fields})
    assert not isinstance(found, list)
    return found


def hit(**fields):
    given = {"article": article(), "score": 0.75, "relevance": 0.5, "similarity": 0.25, "reasons": [], "copies": 2}
    return Hit(**{**given, **fields})


@pytest.fixture(scope="module")
def searcher(archive_of):
    lines = [
        {"id": "cho", "title": "chợ nổi họp lại", "section": "Đời sống", "published_at": "2024-03-01"},
        {"id": "cho-2", "title": "chợ nổi đông khách", "section": "Đời sống", "published_at": "2024-03-02"},
        {"id": "tau", "title": "tàu hàng mắc cạn", "section": "An toàn", "published_at": "2024-03-03"},
        {"id": "mai", "title": "chợ nổi ngày mai", "published_at": "2100-01-01"},
    ]
    return Searcher(archive_of(lines), HashingEncoder)


class TestSentences:
    @pytest.mark.parametrize(
        ("reason", "expected"),
        [
            (Reason("pinned"), "tòa soạn chọn"),
            (Reason("same_event"), "cùng sự kiện"),
            (Reason("same_names", "Lộ Thị Mẫn, Đồng Lầy"), "cùng nhắc đến: Lộ Thị Mẫn, Đồng Lầy"),
            (Reason("same_names", "{x} % {0}"), "cùng nhắc đến: {x} % {0}"),
            (Reason("background", "2022"), "bối cảnh, 2022"),
            (Reason("same_topic"), "cùng chủ đề"),
        ],
    )
    def test_a_person_reads_them(self, reason, expected):
        assert written.sentence(reason) == expected

    @pytest.mark.parametrize("name", ["same_section_newest", "newest"])
    def test_a_program_reads_the_fallbacks(self, name):
        assert name in FallbackName.__args__
        assert written.sentence(Reason(name)) == name

    def test_a_reason_without_words_is_a_fault_of_ours(self):
        with pytest.raises(KeyError):
            written.sentence(Reason("no such code"))


class TestHead:
    def test_what_every_list_begins_with(self, searcher):
        head = written.head(searcher, Answer([], 7, False), 0.0)
        assert (head["snapshot"], head["total"], head["total_relation"]) == (searcher.archive.id, 7, "eq")
        assert head["took_ms"] > 0
        assert written.head(searcher, Answer([], 7, True), 0.0)["total_relation"] == "gte"

    def test_fields_of_a_hit(self):
        assert written.fields(hit()) == {
            **{name: LINE[name] for name in ("id", "title", "url", "lead", "section")},
            **{"author": None, "source": None, "image_url": None},
            "published_at": datetime(2024, 3, 1, 8, tzinfo=VIETNAM),
            **{"score": 0.75, "relevance": 0.5, "similarity": 0.25},
        }


class TestRelatedList:
    def written(self, searcher, answer):
        """Return what is sent, which is what its model says."""
        found = json.loads(written.related_json(searcher, answer, 0.0))
        listed = written.related_list(searcher, answer, 0.0).model_copy(update={"took_ms": found["took_ms"]})
        assert json.dumps(json.loads(listed.model_dump_json())) == json.dumps(found)
        return found

    def test_a_plain_one(self, searcher):
        found = self.written(searcher, Answer([hit(reasons=[Reason("same_topic")])], 1, False))
        (one,) = found["hits"]
        assert (one["reasons"], one["copies"], one["explanation"]) == (["cùng chủ đề"], 2, None)
        assert one["published_at"] == "2024-03-01T08:00:00+07:00"
        assert "body" not in one
        assert (found["missing_pins"], found["already_published"], found["explained"]) == ([], [], None)

    def test_all_that_may_be_told(self, searcher):
        answer = Answer(
            [hit(numbers=NUMBERS)],
            1,
            False,
            missing=[MissingPin("r-9", "mất", "no such article"), MissingPin("r-1", "khuất", "blocked")],
            published=[article(url=None)],
            fate=Fate("cap", "section", NUMBERS),
        )
        found = self.written(searcher, answer)
        numbers = {
            **{"cosine": 0.5, "terms": 0.25, "spreads": 12, "relevance": 0.5, "freshness": 0.75, "boost": 2},
            **{"repeated": 0.125, "rules": ["r-1"]},
        }
        assert found["hits"][0]["explanation"] == numbers
        assert found["explained"] == {"step": "cap", "detail": "section", "explanation": numbers}
        assert found["missing_pins"] == [{"rule": "r-1", "article": "khuất", "reason": "blocked"}]
        assert found["already_published"] == [{"id": "bai", "title": "Chợ nổi họp lại", "url": None}]

    def test_a_fate_without_numbers(self, searcher):
        found = self.written(searcher, Answer([], 0, False, fate=Fate("not_public")))
        assert found["explained"] == {"step": "not_public", "detail": "", "explanation": None}


def test_a_search_is_written_as_its_model_says(searcher):
    expansions = (Expansion("synonym", "chợ", "phiên"),)
    query = SimpleNamespace(
        **{"typed": "cho noi", "restored": "chợ nổi", "corrected": None, "did_you_mean": "chợ nội"},
        expansions=expansions,
    )
    answer = Answer([], 1, False, relaxed=("phrase",), facets={"section": [(f"mục {at}", at) for at in range(30)]})
    found = [written.found(hit(reasons=[Reason("words")]), {"title": "<mark>Chợ</mark>", "text": ""})]
    facets = {**answer.facets, "source": [], "author": [], "tag": []}
    sent = written.search_json(searcher, replace(answer, facets=facets), query, found, 0.0)
    assert SearchList.model_validate_json(sent).model_dump_json().encode() == sent
    read = json.loads(sent)
    assert (read["hits"][0]["reasons"], read["hits"][0]["copies"]) == (["words"], 2)
    assert (read["query"]["corrected"], read["query"]["did_you_mean"]) == (None, "chợ nội")
    assert read["query"]["expansions"] == [{"kind": "synonym", "typed": "chợ", "also": "phiên"}]
    assert len(read["facets"]["section"]) == MAX_FACET


def lines_of(searcher, *lines, **options):
    given = [BatchLine.model_validate(line) for line in lines]
    return [json.loads(line) for line in written.batch(searcher, given, BatchParams(**options))]


class TestBatch:
    def test_each_line_ends_once(self, searcher):
        given = [BatchLine(id="cho"), BatchLine(id="không\ncó"), BatchLine(id="tau")]
        for line in written.batch(searcher, given, BatchParams()):
            assert line.endswith(b"\n")
            assert line.count(b"\n") == 1

    def test_lists_are_those_of_the_same_request_alone(self, searcher):
        found = lines_of(searcher, {"id": "cho"}, {"id": "tau"}, now="2024-04-01T00:00:00Z", limit=2)
        assert [line["id"] for line in found] == ["cho", "tau"]
        assert [hit["id"] for hit in found[0]["hits"]] == ["cho-2", "tau"]
        for line in found:
            assert "error" not in line
            for one in line["hits"]:
                assert list(one) == ["id", "score", "relevance", "similarity", "reasons"]
                assert one["reasons"]

    def test_an_article_that_is_none_does_not_stop_the_others(self, searcher):
        unknown, embargoed, good = lines_of(searcher, {"id": "không"}, {"id": "mai"}, {"id": "cho"})
        assert unknown == {"id": "không", "error": "id: 'không': expected the id of a public article"}
        assert embargoed == {"id": "mai", "error": "id: 'mai': expected the id of a public article"}
        assert good["hits"]

    def test_what_a_line_excludes_is_its_own(self, searcher):
        found = lines_of(searcher, {"id": "cho", "exclude_ids": ["cho-2"]}, {"id": "cho"})
        assert ["cho-2" in [hit["id"] for hit in line["hits"]] for line in found] == [False, True]

    def test_numbers_and_fates_where_they_are_asked_for(self, searcher):
        (line,) = lines_of(searcher, {"id": "cho"}, explain=True, explain_id="mai")
        assert line["explained"] == {"step": "not_public", "detail": ""}
        assert all(hit["explanation"]["cosine"] == hit["similarity"] for hit in line["hits"])

    def test_an_empty_list_is_one(self, searcher):
        (line,) = lines_of(searcher, {"id": "cho"}, min_relevance=1)
        assert line == {"id": "cho", "hits": []}

    def test_nothing_is_worked_out_before_it_is_taken(self, searcher, monkeypatch):
        asked = []
        monkeypatch.setattr(Searcher, "related", lambda _, body: asked.append(body.seed.ids[0]) or Answer([], 0, False))
        lines = written.batch(searcher, iter([BatchLine(id="a"), BatchLine(id="b")]), BatchParams())
        assert asked == []
        next(lines)
        assert asked == ["a"]
        next(lines)
        assert asked == ["a", "b"]
        assert list(lines) == []
