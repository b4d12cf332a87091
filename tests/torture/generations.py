"""Invented archives whose articles say of which generation they are, so that a mixture is seen at once."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from indexer.building.build import BuildOptions, build
from indexer.snapshot.home import Home
from models.hashing import HashingEncoder

Line = dict[str, Any]

PLACES = "lũng vài suối vàng xóm hòa bản đèn khe tối".split()
WARES = "gốm chè cam lúa ngô tre mây lụa".split()
SECTIONS = ("Nghề", "Chợ", "Đời sống")
SAID = (
    "thợ cả kể rằng lò phải đỏ lửa suốt đêm để kịp giao nghìn chiếc bình cho phiên chợ đầu tháng dù mưa lớn làm sạt "
    "con đường độc nhất lên bản và trai làng phải gùi đất qua suối từ lúc gà chưa gáy"
)


def line(at: int, generation: int) -> Line:
    """Return the article of a place in a generation; its id and address are the same in all of them."""
    place, ware = PLACES[at % len(PLACES)], WARES[at % len(WARES)]
    mark = f"đời thứ {generation}"
    return {
        "id": f"bai-{at}",
        "title": f"{ware} {place} {mark} bài {at}",
        "lead": f"{mark}: {ware} của {place} kỳ {at // 7}",
        "body": f"{SAID} {mark} " + " ".join(f"{ware}{(at * step) % 11}" for step in range(1, 9)),
        "url": f"https://bao.example/{at}.html",
        "aliases": [f"cu-{at}"],
        "section": SECTIONS[at % len(SECTIONS)],
        "author": f"Tác giả {at % 5}",
        "source": "Báo Làng" if at % 2 else "Báo Chợ",
        "tags": [ware, f"đời-{generation}"],
        "published_at": f"2023-10-{at % 28 + 1:02}T0{at % 10}:00:00+07:00",
    }


def generation(number: int, count: int) -> list[Line]:
    """Return a whole archive of one generation."""
    return [line(at, number) for at in range(count)]


def generation_of(text: str) -> int:
    """Return the generation that a title or lead says it is of."""
    return int(text.split("đời thứ ")[1].split(maxsplit=1)[0].rstrip(":"))


def publish(home: Path, lines: Iterable[Line], **options: Any) -> str:
    """Index lines into a home and return the id of the snapshot."""
    source = home.with_name(home.name + ".jsonl")
    source.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    given = BuildOptions(**{"allow_shrink": True, "keep": 50, **options})
    name = build(Home(home), [str(source)], HashingEncoder, given).snapshot
    assert name is not None, "nothing was published"
    return name
