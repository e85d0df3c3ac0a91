"""What channels with a cache were told last, for who comes to them later.

Each node keeps what it has heard. One that has started since asks the others for what it does not have, and says that
there is nothing when none has answered in a moment.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable

from app.gateway.roster import Spot
from app.live.bus import Bus

# What channels with a cache were told last: so many of them, for so long.
MOST_CACHED, CACHED_FOR = 1000, 1800.0
# How long the others have to answer, and for how many channels that is waited at once.
ANSWERED_WITHIN, MOST_AWAITED = 0.25, 1000

Tell = Callable[[str], None]


class Caches:
    """The last events of this process."""

    def __init__(self, bus: Bus) -> None:
        self.bus = bus
        self.cached: OrderedDict[Spot, tuple[str, float]] = OrderedDict()
        self.asked: dict[Spot, list[Tell]] = {}
        # A node that has run for longer than events are kept has heard all of them.
        self.complete_at = 0.0
        bus.handlers["gateway cached"] = lambda sender, said: self.hear((said[0], said[1]), said[2], said[3])
        bus.handlers["gateway uncached"] = lambda sender, said: self.answer((said[0], said[1]))

    def keep(self, spot: Spot, text: str, seconds: float = CACHED_FOR) -> None:
        """Keep the last event of a channel."""
        self.cached.pop(spot, None)
        self.cached[spot] = text, asyncio.get_running_loop().time() + seconds
        while len(self.cached) > MOST_CACHED:
            self.cached.popitem(last=False)

    def find(self, spot: Spot) -> str:
        """The last event of a channel, if it is kept here still."""
        text, until = self.cached.get(spot, ("", 0.0))
        return text if until > asyncio.get_running_loop().time() else ""

    def find_for(self, spot: Spot, tell: Tell) -> None:
        """Tell somebody the last event of a channel; '' where there is none."""
        loop = asyncio.get_running_loop()
        self.complete_at = self.complete_at or loop.time() + CACHED_FOR
        found = self.find(spot)
        if found or not self.bus.reachable or loop.time() > self.complete_at or len(self.asked) >= MOST_AWAITED:
            tell(found)
        elif spot in self.asked:
            self.asked[spot].append(tell)
        else:
            self.asked[spot] = [tell]
            self.bus.publish("gateway uncached", [*spot], needed=True)
            loop.call_later(ANSWERED_WITHIN, self.settle, spot)

    def answer(self, spot: Spot) -> None:
        """Another node does not have the last event of a channel."""
        if text := self.find(spot):
            left = self.cached[spot][1] - asyncio.get_running_loop().time()
            self.bus.publish("gateway cached", [*spot, text, left], needed=True)

    def hear(self, spot: Spot, text: str, seconds: float) -> None:
        """Another node has it. What has come since is newer."""
        if not self.find(spot):
            self.keep(spot, text, min(seconds, CACHED_FOR))
        self.settle(spot)

    def settle(self, spot: Spot) -> None:
        """Tell those who wait for it what is known now."""
        for tell in self.asked.pop(spot, ()):
            tell(self.find(spot))
