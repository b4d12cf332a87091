"""What is searched for is encoded once and remembered across snapshots; drafts never are."""

from __future__ import annotations

from models.hashing import HashingEncoder
from models.languages import pairs
from models.remembering import QueryVectors
from service.live import Live
from service.schemas import RelatedBody, SearchParams
from service.searcher import Searcher

LINES = [{"id": f"bai-{n}", "title": f"Lò gốm số {n}", "lead": "Gốm đỏ ra lò."} for n in range(6)]


class Counting(HashingEncoder):
    def __init__(self):
        super().__init__()
        self.asked = []

    def encode_queries(self, texts):
        self.asked += texts
        return super().encode_queries(texts)


def test_a_search_is_encoded_once(archive_of):
    encoder, asked = Counting(), QueryVectors()
    one, other = (Searcher(archive_of(LINES), lambda: encoder, None, asked) for _ in range(2))
    answers = [searcher.search(SearchParams(q="lò gốm")) for searcher in (one, one, other)]
    assert encoder.asked == ["lò gốm"]
    assert len({tuple(hit.article.id for hit in answer.hits) for answer in answers}) == 1


def test_only_queries_in_english_are_brought_among_those_in_vietnamese(archive_of):
    encoder = Counting()
    searcher = Searcher(archive_of(LINES), lambda: encoder)
    typed = ["lo gom", "lò gốm đỏ", "what is the price of red pottery", "where is the red house"]
    brought = [text for pair in zip(*pairs(), strict=True) for text in pair]
    asked = [["lò gốm"], typed[1:2], [typed[2], *brought, "giá đỏ đồ gốm"], [typed[3], "đỏ ngôi nhà"]]
    for query, expected in zip(typed, asked, strict=True):
        encoder.asked.clear()
        searcher.search(SearchParams(q=query))
        assert encoder.asked == expected


def test_a_draft_is_encoded_each_time_and_not_kept(archive_of):
    encoder, asked = Counting(), QueryVectors()
    searcher = Searcher(archive_of(LINES), lambda: encoder, None, asked)
    body = RelatedBody.model_validate({"seed": {"article": {"title": "Lò gốm kín"}}})
    for _ in range(2):
        searcher.related(body)
    assert encoder.asked == ["Lò gốm kín"] * 2
    assert not asked._kept


def test_a_new_snapshot_keeps_what_was_asked(publish, tmp_path):
    encoder = Counting()
    publish(tmp_path, LINES)
    live = Live(tmp_path, lambda: encoder)
    live.refresh()
    live._load()
    assert encoder.asked == [text for texts in zip(*pairs(), strict=True) for text in texts]  # for the first in English
    encoder.asked.clear()
    live.searcher().search(SearchParams(q="lò gốm"))
    first = live.searcher()
    publish(tmp_path, [*LINES, {"id": "mới", "title": "Lò gốm mới"}])
    live.refresh()
    assert live.searcher() is not first
    live.searcher().search(SearchParams(q="lò gốm"))
    assert encoder.asked == ["lò gốm"]
