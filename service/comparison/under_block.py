"""Both ways beside each other, as the page of a block shows them.

Knows nothing of Flask, nor of how lists are made.
"""

from __future__ import annotations

from typing import Any

from indexer.articles.article import Article
from indexer.text import addresses
from service.comparison import comparison
from service.comparison.comparison import SAME_EVENT_RELEVANCE
from service.comparison.comparison_page import NumberFormatter
from service.errors import NothingToCompare
from service.searcher import Searcher
from service.wording.comparison import ComparisonWords
from service.wording.strings import Strings


def compared(searcher: Searcher, article: Article, when: str, language: Strings) -> dict[str, Any]:
    """Return what the template needs to show both ways; `pair` is None where the article has no section or no date.

    :param when: `then`, as of when the article came out, or `now`.
    """
    numbers = NumberFormatter(language)
    try:
        pair = comparison.pair(searcher, article, then=when == "then")
    except NothingToCompare:
        pair = None
    return {
        "pair": pair,
        "cw": ComparisonWords.in_language(language.code),
        "numbers": numbers,
        "day": lambda moment: "" if moment is None else language.day(moment),
        "address": addresses.web_address,
        "filled": {"least": numbers.decimal(SAME_EVENT_RELEVANCE)},
    }
