"""A small invented newsroom for the tests of related lists: stories with reprints, series, paid texts, embargoes.

Words are made of invented syllables, so that nothing shipped has them; every story has words of its own.
"""

from __future__ import annotations

import random
from datetime import datetime, timedelta
from typing import Any

from indexer.articles.article import VIETNAM

Line = dict[str, Any]

NOW = datetime(2026, 4, 16, 12, tzinfo=VIETNAM)
"""When lists are asked for."""

SECTIONS = ("Làng nghề", "Chợ phiên", "Đường sá", "Trường lớp")
SOURCES = ("Báo Lũng", "Báo Đèn", "Báo Suối")
AUTHORS = ("Cù Văn Tịnh", "Lê Thị Lụa", None)
STORIES = 12

_ONSETS = "bl kl gr pl tr vr zr fl xn dz".split()
_RHYMES = "am ôk ưt en im ơp uk ôn ay eo".split()
_SYLLABLES = [onset + rhyme for onset in _ONSETS for rhyme in _RHYMES]
COMMON = [f"ch{rhyme}" for rhyme in _RHYMES] + [f"nh{rhyme}" for rhyme in _RHYMES]


def story_words(story: int) -> list[str]:
    """Return the eight syllables that only one story has."""
    return _SYLLABLES[8 * story : 8 * story + 8]


def written(chance: random.Random, story: int, length: int, share: float = 0.6) -> list[str]:
    """Return words of a text, of which a share is the story's own."""
    own = story_words(story)
    return [chance.choice(own if chance.random() < share else COMMON) for _ in range(length)]


def at(days_ago: float) -> str:
    """Return a time so many days before NOW, as archive lines give it."""
    return (NOW - timedelta(days=days_ago)).isoformat()


def article(chance: random.Random, number: int, story: int, **more: Any) -> Line:
    """Return an article on a story."""
    return {
        "id": f"bai-{number}",
        "title": " ".join(written(chance, story, 7)).capitalize(),
        "lead": " ".join(written(chance, story, 15)),
        "body": " ".join(written(chance, story, 60)),
        "section": SECTIONS[story % 4] if chance.random() < 0.7 else chance.choice(SECTIONS),
        "source": chance.choice(SOURCES),
        "author": chance.choice(AUTHORS),
        "published_at": at(round(chance.uniform(0, 400), 3)),
        **more,
    }


def reprint(chance: random.Random, number: int, of: Line, **more: Any) -> Line:
    """Return the same text in another paper under another title."""
    words = of["body"].split()
    cut = chance.randint(1, 4)
    return {
        **of,
        "id": f"bai-{number}",
        "title": "In lại " + of["title"].lower(),
        "body": " ".join(words[:-cut]),
        "source": "Báo Suối" if of["source"] != "Báo Suối" else "Báo Lũng",
        "published_at": at(round(chance.uniform(0, 100), 3)),
        "url": None,
        **more,
    }


def newsroom(articles: int = 150) -> list[Line]:
    """Return archive lines, the same every time: stories, of every tenth article a reprint, and oddities among them."""
    chance = random.Random(11)
    lines: list[Line] = []
    for number in range(articles):
        story = chance.randrange(STORIES)
        if number % 10 == 9:
            line = reprint(chance, number, lines[chance.randrange(len(lines))])
        else:
            line = article(chance, number, story)
        if number % 13 == 5:
            line["published_at"] = None
        if number % 17 == 3:
            line["published_at"] = at(-3)  # ahead
        if number % 19 == 4:
            line["unpublish_at"] = at(1)
        if number % 23 == 6:
            line["title"] = "[Quảng cáo] " + line["title"]
        if number % 29 == 7:
            line["tags"] = ["cáo phó"]
        lines.append(line)
    for story, head in ((0, "Giá klam hôm nay"), (1, "Điểm tin")):
        for day in range(8):
            when = NOW - timedelta(days=day, hours=6)
            title = f"{head} {when.day}/{when.month}: " + " ".join(written(chance, story, 5))
            lines.append(
                article(
                    chance, articles + len(lines), story, title=title, source="Báo Lũng", published_at=when.isoformat()
                )
            )
    return lines
