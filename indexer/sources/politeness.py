"""Polite crawling: a rate for each host, robots.txt, retries that back off.

Owns these rules. `fetching` owns the limits of one answer.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from protego import Protego
from urllib3.exceptions import InvalidHeader
from urllib3.util import Retry

from indexer.limits.confined import step
from indexer.sources.fetching import FetchError, FetchLimits, FetchResponse, fetch

TOKEN = "Lienquan"  # noqa: S105  the name that robots.txt knows this program by
ROBOTS_BYTES = 500 * 2**10
"""The most bytes of a robots.txt that are read: the least that RFC 9309 requires."""

_PASSING = {408, 425, 429, 500, 502, 503, 504}
_LONGEST_WAIT = 60.0
_LONGEST_DELAY = 30.0


@dataclass
class Web:
    """The web, as seen by one run.

    :param delay: Seconds from one request to the next at the same host; a longer `Crawl-delay` of its robots.txt
        applies, up to half a minute. At 0, for one's own machine, retries do not wait either.
    :param tries: The number of attempts for an address.
    """

    bounds: FetchLimits = field(default_factory=FetchLimits)
    delay: float = 1.0
    tries: int = 3
    sleep: Callable[[float], None] = time.sleep
    clock: Callable[[], float] = time.monotonic
    _next: dict[str, float] = field(default_factory=dict)
    _robots: dict[str, Protego | None] = field(default_factory=dict)

    def get(
        self, url: str, headers: Mapping[str, str] | None = None, bounds: FetchLimits | None = None
    ) -> FetchResponse:
        """Return an answer with status 200 or 304. Try again after a temporary failure.

        :raises FetchError: if there is no such answer.
        """
        for attempt in range(1, self.tries + 1):
            try:
                return self._once(url, headers, bounds or self.bounds)
            except FetchError as error:
                hopeless = not error.passing or error.slow or error.wait > _LONGEST_WAIT
                if hopeless or attempt == self.tries:
                    raise
                backed_off = 2.0 ** (attempt - 1) * random.uniform(0.75, 1.25)  # noqa: S311
                self._pause(max(error.wait, min(self.delay, 1.0) * backed_off))
        raise AssertionError("tries is at least 1")

    def allows(self, url: str) -> bool:
        """Return whether a site's robots.txt lets this program read an address.

        If a server error hides the file, everything is forbidden (RFC 9309, 2.3.1.4). If there is no file, everything
        is allowed.
        """
        robots = self._robots_of(url)
        return robots is not None and bool(robots.can_fetch(url, TOKEN))

    def _once(self, url: str, headers: Mapping[str, str] | None, bounds: FetchLimits) -> FetchResponse:
        host = urlsplit(url).netloc
        pause = self._next.get(host, 0.0) - self.clock()
        if pause > 0:
            self._pause(pause)
        step()
        try:
            answer = fetch(url, headers, bounds)
        finally:
            step()
            self._next[host] = self.clock() + self._delay_of(url)
        if answer.status in {200, 304}:
            return answer
        passing = answer.status in _PASSING
        raise FetchError(
            f"expected status 200, found {answer.status}",
            passing,
            answer.status,
            _retry_after(answer) if passing else 0,
        )

    def _pause(self, seconds: float) -> None:
        step()
        self.sleep(seconds)

    def _delay_of(self, url: str) -> float:
        known = self._robots.get(_site(url))
        asked = known.crawl_delay(TOKEN) if known is not None else None
        return max(self.delay, min(float(asked or 0), _LONGEST_DELAY))

    def _robots_of(self, url: str) -> Protego | None:
        site = _site(url)
        if site not in self._robots:
            self._robots[site] = self._read_robots(site)
        return self._robots[site]

    def _read_robots(self, site: str) -> Protego | None:
        bounds = FetchLimits(ROBOTS_BYTES, min(self.bounds.seconds, 20), self.bounds.redirects, self.bounds.private)
        try:
            body = self.get(f"{site}/robots.txt", {"Accept": "text/plain"}, bounds).body
        except FetchError as error:
            return Protego.parse("") if 400 <= error.status < 500 and error.status != 429 else None
        return Protego.parse(body.decode("utf-8", "replace"))


def _site(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _retry_after(answer: FetchResponse) -> float:
    asked = answer.headers.get("retry-after")
    if asked is None:
        return 0
    try:
        return max(0.0, Retry().parse_retry_after(asked))
    except (InvalidHeader, ValueError, OverflowError):
        return 0
