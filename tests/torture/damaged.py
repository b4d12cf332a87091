"""The process in which a service meets damaged files (`tests.torture.damage`): cases in, outcomes out."""

from __future__ import annotations

import gc
import json
import sys
import threading
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

from indexer.snapshot.home import Home
from models.hashing import HashingEncoder
from service.app import create_app
from service.live import Live
from service.settings import Settings
from tests.conftest import wait_for
from tests.torture.damage import CURRENT, Case
from tests.torture.questions import asked

Answers = list[tuple[str, int, str]]


class _Looking(Live):
    """One that looks for snapshots only when told to, and lets go of its files at the end."""

    def close(self) -> None:
        self.stop()
        wait_for(lambda: not any(thread.name == "snapshots" for thread in threading.enumerate()))
        self._searcher = None
        gc.collect()


class Met:
    """A home whose newest two snapshots are the good one and the one that is damaged.

    :param home: Its files are written over and put back.
    """

    def __init__(self, home: Path) -> None:
        self._home = Home(home)
        *_, self.good, self.bad = self._home.ids()
        self._expected = {name: self._answers_of(name) for name in (self.good, self.bad)}

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

        way: Callable[[Callable[[], None]], _Looking] = getattr(self, "_" + case.way)
        try:
            with closing(way(damage)) as live:
                return self._judged(live, case)
        finally:
            wait_for(lambda: not _verifying())
            with path.open("r+b") as file:
                file.write(before)
                file.truncate()

    def _start(self, damage: Callable[[], None]) -> _Looking:
        damage()
        return self._started()

    def _swap(self, damage: Callable[[], None]) -> _Looking:
        self._home.point_to(self.good)
        live = self._started()
        self._home.point_to(self.bad)
        damage()
        live.refresh()
        return live

    def _opened(self, damage: Callable[[], None]) -> _Looking:
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
        return live

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
