"""Who is on a channel with presence, written for those who come."""

from __future__ import annotations

from app.gateway.messages import write_json, write_subscribed


class PeopleThere:
    """Those on a channel with presence, written as who comes is told of them: JSON in a text of JSON. With a thousand
    there, writing it anew for each who comes would be most of what that costs."""

    __slots__ = ("count", "ids", "known")

    def __init__(self) -> None:
        self.count, self.ids, self.known = 0, "", ""

    def add(self, user: str, info: str) -> None:
        """Somebody has come."""
        written = write_json(user)
        comma = "," if self.count else ""
        self.ids += comma + write_json(written)[1:-1]
        self.known += comma + write_json(f"{written}:{info}")[1:-1]
        self.count += 1

    def write_to(self, channel: str) -> str:
        """That a channel is followed from here on, and who is there."""
        told = write_subscribed(channel, '{"presence":{"count":COUNT,"ids":[IDS],"hash":{KNOWN}}}')
        before, _, rest = told.partition("COUNT")
        between, _, rest = rest.partition("IDS")
        last, _, after = rest.partition("KNOWN")
        return f"{before}{self.count}{between}{self.ids}{last}{self.known}{after}"
