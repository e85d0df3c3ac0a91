"""Time zones that people can live by."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from functools import cache, lru_cache
from zoneinfo import ZoneInfo, available_timezones

from babel import Locale
from babel.dates import format_date, format_time

# A moment on a page, as `web/templates.py` and fields write it for everybody: in UTC, which it says.
SHOWN_TIME = re.compile(r'(<time datetime="([0-9T:-]{16})(?::[0-9]{2})?Z"( data-[a-z]+)?>)[^<]*(?=</time>)')


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


def show_in_zone(html: str, zone: str, locale: Locale) -> str:
    """A page with its times in the zone of whom it is for, as a locale writes them: so they are without scripts."""
    if zone == "UTC":
        return html
    today = datetime.now(ZoneInfo(zone)).date().isoformat()

    def write(found: re.Match[str]) -> str:
        try:
            day, date, time = write_in_zone(found[2], zone, locale)
        except (ValueError, OverflowError):  # the first and the last hours that there are
            return found[0]
        is_clock = found[3] == " data-hour" or (day == today and found[3] == " data-clock")
        return found[1] + (time if is_clock else f"{date}, {time}")

    return SHOWN_TIME.sub(write, html)


@lru_cache(maxsize=4096)
def write_in_zone(moment: str, zone: str, locale: Locale) -> tuple[str, str, str]:
    """A moment of UTC in a zone: its day, and that and the time as a locale writes them. Raises ValueError or
    OverflowError for what is none there."""
    local = datetime.fromisoformat(moment).replace(tzinfo=UTC).astimezone(ZoneInfo(zone))
    date, time = format_date(local, "medium", locale), format_time(local, "short", locale=locale)
    return local.date().isoformat(), str(date), str(time)
