"""Moments: a day and a time. They are stored in UTC, typed in the zone of whoever types, and shown in the reader's."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from babel import Locale
from markupsafe import Markup

from app.accounts.time_zones import list_time_zones
from app.records.kinds.dates import read_date
from app.records.kinds.kind import Cell, Definition, FieldKind, fail
from app.web.texts import _l

MOMENT = re.compile(
    r"(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})[T ](?P<time>[0-9]{2}:[0-9]{2})(?::[0-9]{2}(?:\.[0-9]+)?)?"
    r" ?(?P<zone>Z|UTC|[+-][0-9]{2}:[0-9]{2}|[A-Z][A-Za-z0-9_+/-]{1,60})?"
)
# A day as people write it, and a time behind it.
LOCAL_MOMENT = re.compile(
    r"(?P<day>[0-9]{1,4} ?[./] ?[0-9]{1,2} ?[./] ?[0-9]{1,4}\.?),? (?P<time>[0-9]{1,2}:[0-9]{2})(?P<rest>.{0,64})"
)
# What a form says beside a time without a zone: in which one it was typed, and what the record has, if anything.
TYPED_IN = re.compile(r"@(?P<zone>[A-Za-z0-9_+/-]{1,64})(?: (?P<before>[0-9T:-]+Z))?")


def read_moment(text: str, locale: Locale) -> str:
    """The stored form of a moment, whose day may be written as the locale does; without a zone it is UTC. Raises
    ValueError with a Text."""
    if named := LOCAL_MOMENT.fullmatch(text.strip()):
        text = f"{read_date(named['day'], locale).isoformat()} {named['time'].zfill(5)}{named['rest']}"
    found = MOMENT.fullmatch(text.strip())
    zone = (found and found["zone"]) or "UTC"
    try:
        if not found:
            raise ValueError(text)
        if zone in list_time_zones():
            local = datetime.fromisoformat(f"{found['day']}T{found['time']}").replace(tzinfo=ZoneInfo(zone))
        else:
            local = datetime.fromisoformat(f"{found['day']}T{found['time']}{zone.replace('Z', '+00:00')}")
        moment = local.astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise fail("Write date and time such as 2026-01-31 14:05.") from error
    if moment.astimezone(local.tzinfo).replace(tzinfo=None) != local.replace(tzinfo=None):
        raise fail("There is no such time in %(zone)s: clocks are put forward then.", zone=zone)
    return moment.replace(tzinfo=None).isoformat(timespec="minutes") + "Z"


def write_moment(value: str, zone: str) -> str:
    """A stored moment as a browser's own input has it, in a zone; '' for what is none."""
    try:
        moment = datetime.fromisoformat(value.replace("Z", "+00:00")).astimezone(ZoneInfo(zone))
    except (ValueError, OverflowError):
        return ""
    return moment.replace(tzinfo=None).isoformat(timespec="minutes")


class MomentKind(FieldKind):
    """A day and a time, to the minute."""

    name = "moment"
    label = _l("Date and time")
    control = "moment"
    breaks = False
    is_searched = False

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
        found = MOMENT.fullmatch(text)
        if not found or found["zone"]:
            return text
        zoned = f"{text} {said['zone']}"
        try:
            return read_moment(zoned, field.locale)
        except ValueError:
            return zoned

    def read(self, text: str, field: Definition) -> str:
        return read_moment(text, field.locale)

    def describe(self, value: str, field: Definition) -> str:
        return value.replace("T", " ").replace("Z", " UTC")

    def show(self, value: str, field: Definition) -> Markup:
        return Markup('<time datetime="{}" data-moment>{}</time>').format(value, self.describe(value, field))

    def sort_key(self, value: str, field: Definition) -> str:
        return value

    def unique_key(self, value: str, field: Definition) -> str:
        return value

    def cell(self, value: str, field: Definition) -> Cell:
        return datetime.fromisoformat(value).astimezone(UTC)
