"""Time zones that people can live by."""

from __future__ import annotations

from functools import cache
from zoneinfo import available_timezones


@cache
def list_time_zones() -> frozenset[str]:
    """The names of all zones."""
    return frozenset(available_timezones())


def offer_time_zones(chosen: str) -> list[str]:
    """The zones to choose from, named by continent and place; and the one that was chosen, whatever its name."""
    zones = {zone for zone in list_time_zones() if "/" in zone and not zone.startswith("Etc/")} | {"UTC"}
    return sorted(zones | ({chosen} & list_time_zones()))


def known_time_zone(name: str) -> str:
    """A zone that a browser says it is in; UTC for one that we don't know."""
    return name if name in list_time_zones() else "UTC"
