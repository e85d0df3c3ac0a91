"""Lists of what happened, by the days on which it did where their reader lives."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, timedelta
from itertools import groupby
from typing import TypeVar
from zoneinfo import ZoneInfo

from babel import Locale
from babel.dates import format_date

from app.accounts.members import Member
from app.database import Transaction, now
from app.web.texts import Text, _l

Dated = TypeVar("Dated")


def name_day(day: date, today: date, locale: Locale) -> Text | str:
    """What a day is called: today, yesterday, or by its date."""
    if day == today:
        return _l("Today")
    if day == today - timedelta(days=1):
        return _l("Yesterday")
    return str(format_date(day, "full" if day.year != today.year else "long", locale))


def group_by_day(
    transaction: Transaction, member: Member, items: Iterable[Dated], moment_of: Callable[[Dated], datetime]
) -> list[tuple[Text | str, Sequence[Dated]]]:
    """Items in their order, those after each other of one day together, each with what the day is called."""
    zone, locale = ZoneInfo(member.time_zone), transaction.tenant.formats
    today = now().astimezone(zone).date()
    days = groupby(items, key=lambda item: moment_of(item).astimezone(zone).date())
    return [(name_day(day, today, locale), list(own)) for day, own in days]
