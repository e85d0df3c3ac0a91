"""Lists, a part at a time: how many items are asked for, and behind which."""

from __future__ import annotations

import base64
import binascii
import json
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, TypeVar

from litestar.params import QueryParameter

from app.programs.problems import Problem
from app.programs.routes import ListPart

DEFAULT_LIMIT, MOST_ITEMS = 50, 200
# Higher than any number that something has.
LAST_NUMBER = 2**62
NO_PLACE = "Send as `next` what the part before has given, with the same other parameters."
# What JSON can say and no text of the database has: NUL, and halves of characters.
NO_TEXT = re.compile("[\0\ud800-\udfff]")
# Before and after all that was ever done.
FIRST_MOMENT, LAST_MOMENT = datetime(1900, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
Limit = Annotated[int, QueryParameter(name="limit", ge=1, le=MOST_ITEMS, description="How many items at the most.")]
After = Annotated[str, QueryParameter(name="next", description="What the part before gave as its `next`.")]
ItemNumber = Annotated[int | None, QueryParameter(ge=0, le=2**62, description="The number of an item of the list.")]
ChangedAfter = Annotated[
    datetime | None,
    QueryParameter(name="changed_after", description="Only what was added, changed or restored after that moment."),
]
Since = Annotated[datetime | None, QueryParameter(name="since", description="Only what is of that moment or later.")]
Until = Annotated[datetime | None, QueryParameter(name="until", description="Only what is of before that moment.")]

Row = TypeVar("Row")
Shape = TypeVar("Shape")


def write_cursor(*place: Any) -> str:
    """A place in a list, as programs give it back."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def read_cursor(text: str, *kinds: type) -> list[Any]:
    """The place that a program gives back, of values of these kinds; [] for none. Raises a 400 problem for what is not,
    sign by sign, what a list of such places has given: it would be read as another place, or as none."""
    if not text:
        return []
    try:
        found = json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4)))
        is_ours = isinstance(found, list) and write_cursor(*found) == text
    except (ValueError, binascii.Error, UnicodeError, RecursionError):
        is_ours = False
    if not is_ours or [type(each) for each in found] != list(kinds) or not all(map(can_be_in_place, found)):
        raise Problem("bad-request", NO_PLACE)
    return list(found)


def can_be_in_place(value: Any) -> bool:
    """Whether a value can say a place in a list: numbers count from 1 on, and texts are what the database can have."""
    if isinstance(value, int):
        return 0 < value < 2**63
    return not isinstance(value, str) or not NO_TEXT.search(value)


def read_bound(given: datetime | None, name: str) -> datetime | None:
    """A moment that is asked for. Raises a 422 problem for one at which nothing was."""
    if given is None:
        return None
    if not FIRST_MOMENT.year < given.year < LAST_MOMENT.year:
        raise Problem("invalid", errors={name: "This is not a date."})
    return given.astimezone(UTC) if given.tzinfo else given.replace(tzinfo=UTC)


def read_moment_of_place(text: str) -> datetime:
    """A moment in a place that a program gives back. Raises a 400 problem."""
    try:
        moment = read_bound(datetime.fromisoformat(text), "next")
    except (ValueError, OverflowError, Problem):
        moment = None
    if moment is None:
        raise Problem("bad-request", "Send as `next` what the part before has given.")
    return moment


def page_rows(
    rows: Sequence[Row],
    limit: int,
    shape: Callable[[Row], Shape],
    place_of: Callable[[Row], Sequence[Any]],
    *kept: Any,
) -> ListPart[Shape]:
    """A part of a list, of rows of which one more was read than is asked for. What is `kept` goes with the place to the
    next part, as it was when the list began."""
    shown = rows[:limit]
    following = write_cursor(*place_of(shown[-1]), *kept) if len(rows) > limit else None
    return ListPart([shape(row) for row in shown], following)


def cut_part(
    items: Iterable[Row], limit: int, next: str, name: str, key_of: Callable[[Row], tuple[Any, ...]], *kinds: type
) -> tuple[Sequence[Row], str | None]:
    """A part of a list that is read whole each time, by keys of some kinds, and the place of the next: behind the key
    of what came last, whether that is there still or not, so that nothing comes twice or is left out because of others.
    Raises a 400 problem, also for a place in a list of another name."""
    place = read_cursor(next, str, *kinds)
    if place and place[0] != name:
        raise Problem("bad-request", NO_PLACE)
    ordered = sorted(items, key=key_of)
    begin = bisect_right(ordered, tuple(place[1:]), key=key_of) if place else 0
    shown = ordered[begin : begin + limit]
    following = write_cursor(name, *key_of(shown[-1])) if len(ordered) > begin + limit else None
    return shown, following


def from_newest(moment: datetime | None) -> int:
    """What a moment is sorted by where the newest comes first."""
    return LAST_NUMBER - ((moment or FIRST_MOMENT) - FIRST_MOMENT) // timedelta(microseconds=1)
