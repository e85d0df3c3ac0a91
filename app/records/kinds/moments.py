"""Moments: a day and a time. They are stored in UTC, typed in the zone of whoever types, and shown in the reader's.

So is a text that says no zone: a form, a table and a default are read in the zone of whoever brings them.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from babel import Locale
from markupsafe import Markup

from app.accounts.time_zones import list_time_zones, write_in_zone
from app.records.kinds.dates import EXAMPLE_DATE, LONGEST_SHOWN, find_shown_time, list_written, read_date, spell_date
from app.records.kinds.kind import Cell, Definition, FieldKind, Json, fail
from app.web.texts import _l, drop_unseen

MOMENT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ](?P<time>[0-9]{2}:[0-9]{2})(?P<seconds>:[0-9]{2}(?:\.[0-9]+)?)?"
    r" ?(?P<zone>Z|UTC|[+-][0-9]{2}:[0-9]{2}|[A-Z][A-Za-z0-9_+/-]{1,60})?"
)
TIME = re.compile(r"[0-9]{1,2}:[0-9]{2}")
# A day as people write it, and a time behind it.
LOCAL_MOMENT = re.compile(
    r"(?P<day>[0-9]{1,4} ?[./-] ?[0-9]{1,2} ?[./-] ?[0-9]{1,4}\.?),?[ T](?P<time>[0-9]{1,2}:[0-9]{2})(?P<rest>.{0,64})"
)
# A zone behind what is shown of a moment.
ZONE_BEHIND = re.compile(r"\s[A-Z][A-Za-z0-9_+/-]{1,60}$")
# What a form says beside a time without a zone: in which one it was typed, and what the record has, if anything.
TYPED_IN = re.compile(r"@(?P<zone>[A-Za-z0-9_+/-]{1,64})(?: (?P<before>[0-9T:-]+Z))?")


def find_shown_moment(text: str, locale: Locale) -> str:
    """A moment that a locale shows so, with the names of months or halves of the day, as `2026-01-31 14:05`, and with
    the zone behind it if there is one; '' for another text."""
    if len(text) > 2 * LONGEST_SHOWN:
        return ""
    behind = ZONE_BEHIND.search(text)
    for shown in (text, *([text[: behind.start()]] if behind else [])):
        for gap in re.finditer(r",?\s", shown):
            written = shown[gap.end() :]
            time = find_shown_time(written, locale) or (written.zfill(5) if TIME.fullmatch(written) else "")
            if time and (day := find_date(shown[: gap.start()], locale)):
                return f"{day.isoformat()} {time} {text[len(shown) :].strip()}".strip()
    return ""


def find_date(text: str, locale: Locale) -> date | None:
    """The date of a text, or None where it is none."""
    try:
        return read_date(text, locale)
    except ValueError:
        return None


def place_in_zone(written: re.Match[str], zone: str) -> datetime:
    """A day and a time as they are written, in a zone or at a distance from UTC. Raises ValueError where there is none
    such."""
    moment = f"{written['day']}T{written['time']}"
    if zone in list_time_zones():
        return datetime.fromisoformat(moment).replace(tzinfo=ZoneInfo(zone))
    return datetime.fromisoformat(moment + zone.replace("Z", "+00:00"))


def is_in_range(written: re.Match[str], zone: str) -> bool:
    """Whether there is a moment that is written so, in a zone unless it says another one, in UTC, too."""
    try:
        return bool(place_in_zone(written, written["zone"] or zone).astimezone(UTC))
    except (ValueError, OverflowError):
        return False


def read_moment(text: str, locale: Locale, zone: str) -> str:
    """The stored form of a moment, whose day may be written as the locale does, in a zone unless it says another one.
    Raises ValueError with a Text, also for seconds, which no moment keeps."""
    if not MOMENT.fullmatch(text.strip()):
        text = find_shown_moment(drop_unseen(text.strip()), locale) or text
    if named := LOCAL_MOMENT.fullmatch(text.strip()):
        text = f"{read_date(named['day'], locale).isoformat()} {named['time'].zfill(5)}{named['rest']}"
    found = MOMENT.fullmatch(text.strip())
    zone = (found and found["zone"]) or zone
    try:
        if not found:
            raise ValueError(text)
        local = place_in_zone(found, zone)
        moment = local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        example = f"{spell_date(EXAMPLE_DATE, locale)} 14:05"
        raise fail("Enter a date and time, such as %(example)s.", example=example) from error
    if found["seconds"] and found["seconds"].strip(":.0"):
        raise fail("Times are stored to the minute. Leave out the seconds.")
    if moment.astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise fail("There is no such time in %(zone)s: the clocks go forward then.", zone=zone)
    return moment.replace(tzinfo=None).isoformat(timespec="minutes") + "Z"


def write_moment(value: str, zone: str) -> str:
    """A stored moment as a browser's own input has it, in a zone; '' for what is none."""
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(ZoneInfo(zone))
    except (ValueError, OverflowError):
        return ""
    return moment.replace(tzinfo=None).isoformat(timespec="minutes")


def write_local(value: str, zone: str) -> str:
    """A stored moment as a table has it in a zone; in UTC, and saying so, where that would be read as another one: in
    the hour that there is twice, and before zones had whole minutes."""
    text = write_moment(value, zone).replace("T", " ")
    try:
        read = read_moment(text, Locale("en"), zone)
    except ValueError:
        read = ""
    return text if read == value else value.replace("T", " ")


def spell_moment(value: str, locale: Locale, zone: str) -> str:
    """A stored moment as a locale writes it in a zone, which it says; so `read_moment` takes it anywhere."""
    text = write_local(value, zone)
    said = "UTC" if text.endswith("Z") else zone
    day, time = text.removesuffix("Z").split(" ")
    return f"{spell_date(day, locale)} {time} {said}"


def date_of_moment(value: str, zone: str) -> str:
    """The stored date of a moment in a zone. Raises ValueError with a Text where there is none."""
    if local := write_moment(value, zone):
        return local.partition("T")[0]
    raise fail("There is no such date.")


def begin_day(value: str, zone: str) -> str:
    """The stored moment at which a date begins in a zone: at midnight, or when clocks were put forward then. Raises
    ValueError with a Text."""
    try:
        moment = datetime.fromisoformat(value).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
        if moment.second:  # zones of before had no whole minutes
            moment = moment.replace(second=0) + timedelta(minutes=1)
    except OverflowError as error:
        raise fail("There is no such date.") from error
    return moment.replace(tzinfo=None).isoformat(timespec="minutes") + "Z"


@lru_cache(maxsize=4096)
def search_moment(value: str, locale: Locale, zones: tuple[str, ...]) -> str:
    """What a stored moment is found by: as programs write it, and as people write it in some zones and in UTC."""
    written = [value, "UTC"]
    for zone in ("UTC", *zones):
        try:
            day, date, time = write_in_zone(value.removesuffix("Z"), zone, locale)
        except (ValueError, OverflowError):  # the first and the last hours that there are
            continue
        written += [f"{date}, {time}", *list_written(day, locale), write_moment(value, zone).partition("T")[2]]
    return " ".join(dict.fromkeys(written))


class MomentKind(FieldKind):
    """A day and a time, to the minute."""

    name = "moment"
    label = _l("Date and time")
    control = "moment"
    breaks = False
    tells_time = True

    def local(self, value: str, zone: str) -> str:
        """What the form of a member in a zone has."""
        return write_moment(value, zone) if value.endswith("Z") else ""

    def join(self, typed: Sequence[str], field: Definition) -> str:
        """In UTC. What stands in the form as it stood is what it was, also in the hour that there is twice when clocks
        are put back."""
        texts = [text.strip() for text in typed]
        said = next((found for text in texts if (found := TYPED_IN.fullmatch(text))), None)
        text = next((text for text in reversed(texts) if not TYPED_IN.fullmatch(text)), "")
        if said is None or not text or said["zone"] not in list_time_zones():
            return text
        before = said["before"] or ""
        if before and write_moment(before, said["zone"]) == text.replace(" ", "T"):
            return before
        try:
            return read_moment(text, field.locale, said["zone"])
        except ValueError:
            found, named = MOMENT.fullmatch(text), LOCAL_MOMENT.fullmatch(text)
            shown = find_shown_moment(drop_unseen(text), field.locale)
            found = found or MOMENT.fullmatch(shown)
            says_none = (found and not found["zone"]) or (named and not named["rest"].strip())
            return f"{text} {said['zone']}" if says_none else text

    def read(self, text: str, field: Definition) -> str:
        return read_moment(text, field.locale, field.zone)

    def from_json(self, given: Json, field: Definition) -> str:
        """As a form has it. Programs write year, month and day, whatever the locale."""
        text = super().from_json(given, field).strip()
        found = MOMENT.fullmatch(text)
        is_date = found and find_date(found["day"], field.locale)  # what is none is told as that
        if text and (not found or (is_date and not is_in_range(found, field.zone))):
            raise fail("Enter a date and time in ISO format, such as %(example)s.", example=f"{EXAMPLE_DATE}T14:05Z")
        return text

    def describe(self, value: str, field: Definition) -> str:
        return value.replace("T", " ").replace("Z", " UTC")

    def describe_here(self, value: str, field: Definition) -> str:
        return spell_moment(value, field.locale, field.zone)

    def show(self, value: str, field: Definition) -> Markup:
        return Markup('<time datetime="%s" data-moment>%s</time>') % (value, self.describe(value, field))

    def search_text(self, value: str, field: Definition) -> str:
        return search_moment(value, field.locale, field.zones)

    def to_json(self, value: str, field: Definition) -> Json:
        return f"{value.removesuffix('Z')}:00Z" if value.endswith("Z") else value or None

    def sort_key(self, value: str, field: Definition) -> str:
        return value

    def unique_key(self, value: str, field: Definition) -> str:
        return value

    def cell(self, value: str, field: Definition) -> Cell:
        moment = datetime.fromisoformat(value).astimezone(UTC)
        try:
            return moment.astimezone(ZoneInfo(field.zone))
        except OverflowError:  # the first and the last hours that there are
            return moment
