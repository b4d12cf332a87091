"""The process in which a service meets damaged files (`tests.torture.damage`): cases in, outcomes out."""

from __future__ import annotations

import gc
import json
import sys
import threading
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import indexer.snapshot
import service.live
from indexer.snapshot import Home
from models.hashing import HashingEncoder
from service.app import create_app
from service.live import Live
from service.settings import Settings
from tests.conftest import wait_for
from tests.torture.damage import CURRENT, Case
from tests.torture.questions import asked

Answers = list[tuple[str, int, str]]

_SMALL, _VERIFY = indexer.snapshot.SMALL, indexer.snapshot.verify


class _Looking(Live):
    """One that looks for snapshots only when told to, and lets go of its files at the end."""

    def close(self) -> None:
        self.stop()
        wait_for(lambda: not any(thread.name == "snapshots" for thread in threading.enumerate()))
        self._searcher = self._verified = None
        gc.collect()


class Met:
    """A home whose newest two snapshots are the good one and the one that is damaged.

    :param home: Its files are written over and put back.
    """

    def __init__(self, home: Path) -> None:
        self._home = Home(home)
        *_, self.good, self.bad = self._home.ids()
        self._expected = {name: self._answers_of(name) for name in (self.good, self.bad)}
        self._let_go = threading.Event()
        self._let_go.set()

    def _answers_of(self, name: str) -> Answers:
        self._home.point_to(name)
        with closing(self._started()) as live:
            return self._ask(live)

    def _started(self) -> _Looking:
        live = _Looking(self._home.path, HashingEncoder, poll_seconds=3600)
        live.start()
        wait_for(lambda: live._encoder is not None)
        return live

    def _ask(self, live: Live) -> Answers:
        app = create_app(Settings(home=self._home.path, model="hashing"), live)
        return list(asked(app.test_client()))

    def meet(self, case: Case) -> dict[str, Any]:
        """Do the damage, see what the service makes of it, and mend it."""
        directory = self._home.path if case.file == CURRENT else self._home.directory(self.bad)
        self._home.point_to(self.bad)
        path = directory / case.file
        before = path.read_bytes()

        def damage() -> None:
            with path.open("r+b") as file:  # in place, as a disk or a careless hand would
                file.write(case.damaged(before))
                file.truncate()

        way: Callable[[Case, Callable[[], None]], tuple[_Looking, dict[str, Any]]] = getattr(self, "_" + case.way)
        try:
            live, more = way(case, damage)
            with closing(live):
                return self._judged(live, case) | more
        finally:
            self._let_go.set()
            wait_for(lambda: not _verifying())
            with path.open("r+b") as file:
                file.write(before)
                file.truncate()
            indexer.snapshot.SMALL, service.live.verify = _SMALL, _VERIFY

    def _start(self, case: Case, damage: Callable[[], None]) -> tuple[_Looking, dict[str, Any]]:
        damage()
        return self._started(), {}

    def _swap(self, case: Case, damage: Callable[[], None]) -> tuple[_Looking, dict[str, Any]]:
        self._home.point_to(self.good)
        live = self._started()
        self._home.point_to(self.bad)
        damage()
        live.refresh()
        return live, {}

    def _mapped(self, case: Case, damage: Callable[[], None]) -> tuple[_Looking, dict[str, Any]]:
        """As swap, and ask as well before the background check is through, which may see what is damaged."""

        def held(*given: Any, **named: Any) -> None:
            assert self._let_go.wait(60)
            _VERIFY(*given, **named)

        indexer.snapshot.SMALL, service.live.verify = 0, held
        self._let_go.clear()
        live, _ = self._swap(case, damage)
        window: Counter[str] = Counter()
        if live.searcher().archive.id == self.bad:
            for (_, status, text), expected in zip(self._ask(live), self._expected[self.bad], strict=True):
                same = (status, text) == expected[1:]
                window["equal" if same else "failed" if status == 500 else "different"] += 1
        self._let_go.set()
        wait_for(lambda: not _verifying())
        live.refresh()
        return live, {"window": window}

    def _opened(self, case: Case, damage: Callable[[], None]) -> tuple[_Looking, dict[str, Any]]:
        """Damage what is served; the service looks again before it is asked, as it does twice a second."""
        self._home.point_to(self.good)
        live = self._started()
        wait_for(lambda: not _verifying())
        self._home.point_to(self.bad)
        live.refresh()
        wait_for(lambda: not _verifying())
        damage()
        for _ in range(2):  # after the first look it is verified, after that another is taken
            live.refresh()
            wait_for(lambda: not _verifying())
        return live, {}

    def _judged(self, live: Live, case: Case) -> dict[str, Any]:
        wait_for(lambda: not _verifying())
        held = live._searcher
        if held is None:
            return {"outcome": "nothing served", "problem": live.problem}
        name, problem = held.archive.id, live.problem
        wrong = [a[:2] for a, e in zip(self._ask(live), self._expected[name], strict=True) if a != e]
        if wrong:
            return {"outcome": "wrong answers", "served": name, "problem": problem, "answers": wrong[:3]}
        if name == self.bad:
            return {"outcome": "harmless"}
        if problem is None or (Path(case.file).name not in problem and self.bad not in problem):
            return {"outcome": "refused without a word", "problem": problem}
        return {"outcome": "refused"}


def _verifying() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == "verify"]


if __name__ == "__main__":
    met = Met(Path(sys.argv[1]))
    for given in sys.stdin:
        try:
            outcome = met.meet(Case(**json.loads(given)))
        except Exception as error:
            outcome = {"outcome": f"raised {type(error).__name__}", "problem": str(error)}
        print(json.dumps(outcome), flush=True)
