"""The sidebar's rooms: those that a member uses, however many they are in."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from operator import itemgetter

from markupsafe import Markup
from msgspec import Struct

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.shell import sidebar_section
from app.chat.reading import JoinedRoom, JoinedRooms, QuietRoom, find_joined
from app.chat.rooms import order_of
from app.database import Transaction
from app.web.templates import render

# How many rooms the sidebar shows.
ROOMS_SHOWN = 15
# Of how many others it follows what is new; a page's hello has 8 KiB.
MOST_FOLLOWED = 500
# Of how many members sidebars are kept, some 15 kB each: most of what they see is what they saw a page before.
SIDEBARS_KEPT = 64
NEVER = datetime(1970, 1, 1, tzinfo=UTC)
# The rank of a room that there is no reason to show.
UNRANKED = (False, False, False, NEVER)


class ShownRoom(Struct, frozen=True):
    """A room as the sidebar shows it. `order` sorts rooms in the page, too; `seen` is its place among those that the
    member has opened, the last one's the greatest, and 0 for one that was not."""

    joined: JoinedRoom
    order: str
    seen: int


class Sidebar(Struct, frozen=True, eq=False):
    """The rooms that are shown, and those that are not, of which the page follows what is new: the active ones are the
    `rest`, of the quiet ones it has the ids. `seen` is the place of each room that was opened, by its id."""

    shown: Sequence[ShownRoom]
    rest: Sequence[JoinedRoom]
    quiet: Sequence[int]
    seen: Mapping[int, int]

    @property
    def follow(self) -> str:
        """The channels of all of them, in one order: a page asks anew when what it follows is written otherwise."""
        followed = [*(shown.joined for shown in self.shown), *self.rest]
        return name_channels("news", [*(each.room.id for each in followed), *self.quiet])

    @property
    def kept(self) -> str:
        """What the page has to know of the others: those that have something unread (and up to where they are read), or
        that the member has muted."""
        return " ".join(
            f"{each.room.id}.{each.membership.notify[0]}.{each.unread}.{each.mentions}"
            f".{each.membership.read_number if each.unread else 0}"
            for each in sorted(self.rest, key=lambda each: each.room.id)
            if each.unread or each.membership.notify != "everything"
        )

    @property
    def opened(self) -> str:
        """Which of the others the member has opened, each with its place."""
        rest = sorted(each.room.id for each in self.rest)
        return " ".join(f"{room_id}.{self.seen[room_id]}" for room_id in rest if room_id in self.seen)


def name_channels(kind: str, ids: Iterable[int]) -> str:
    """The channels of some rooms of a kind, in the order of their ids."""
    return " ".join([f"{kind}.{room_id}" for room_id in sorted(ids)])


def choose_rooms(
    joined: Sequence[JoinedRoom],
    visits: dict[int, datetime],
    current: str = "",
    quiet: Sequence[tuple[str, QuietRoom]] = (),
) -> Sidebar:
    """The rooms to show of those that a member is in: the one that is open, those that name the member, those with
    something unread, those that were opened last, then the first by name. The `quiet` ones are in their order."""

    def rank(each: JoinedRoom) -> tuple[bool, bool, bool, datetime]:
        unmuted = each.membership.notify != "nothing"
        visited_at = visits.get(each.room.id, NEVER)
        return each.room.slug == current, unmuted and each.mentions > 0, unmuted and each.unread > 0, visited_at

    active = [(order_of(each.room.kind, each.name, each.room.id), each) for each in joined]
    active.sort(key=itemgetter(0))
    active += [(order, each.join()) for order, each in quiet if each.slug == current]
    ranked = [each for each in active if rank(each[1]) != UNRANKED]
    ranked.sort(key=lambda each: rank(each[1]), reverse=True)
    by_name: list[tuple[str, JoinedRoom | QuietRoom]] = [each for each in quiet if each[1].slug != current]
    if unranked := [each for each in active if rank(each[1]) == UNRANKED]:
        by_name = sorted([*unranked, *by_name], key=itemgetter(0))
    chosen = [*ranked, *by_name]
    opened = {each.room.id: visits[each.room.id] for each in joined if each.room.id in visits}
    places = {moment: place for place, moment in enumerate(sorted(set(opened.values())), 1)}
    seen = {room_id: places[moment] for room_id, moment in opened.items()}
    shown = [
        ShownRoom(room, order, seen.get(room.room.id, 0))
        for order, each in sorted(chosen[:ROOMS_SHOWN], key=itemgetter(0))
        for room in [each.join() if isinstance(each, QuietRoom) else each]
    ]
    others = [each for _, each in chosen[ROOMS_SHOWN : ROOMS_SHOWN + MOST_FOLLOWED]]
    rest = [each for each in others if isinstance(each, JoinedRoom)]
    return Sidebar(shown, rest, [each.id for each in others if isinstance(each, QuietRoom)], seen)


@lru_cache(SIDEBARS_KEPT)
def make_sidebar(rooms: JoinedRooms, current: str) -> Sidebar:
    """The sidebar of a member who is in some rooms: the one that was made before, where they are the same."""
    visits = {each.room.id: each.visited_at for each in rooms.active if each.visited_at}
    return choose_rooms(rooms.active, visits, current, rooms.quiet)


@lru_cache(SIDEBARS_KEPT)
def write_sidebar(sidebar: Sidebar, language: str) -> Markup:
    """A sidebar as HTML. It shows nothing but what the sidebar has, which never changes."""
    shown = {"sidebar": sidebar, "most": ROOMS_SHOWN}
    return Markup(render(language, "chat/_rooms.html", section=shown))  # noqa: S704  (a template)


async def list_sidebars(transaction: Transaction, member_ids: Iterable[int], current: str = "") -> dict[int, Sidebar]:
    """The sidebars of some members, by their ids. `current` is the address of the room that is open."""
    found = await find_joined(transaction, member_ids)
    return {member_id: make_sidebar(rooms, current) for member_id, rooms in found.items()}


async def list_own_rooms(request: AnyRequest, transaction: Transaction, member: Member) -> Sidebar:
    """The sidebar of the member who asks for a page, which may show it elsewhere, too: it is read once."""
    current = request.scope["path"].removeprefix("/chat/").partition("/")[0]
    key = Sidebar, member.id, current
    sidebar: Sidebar | None = None if transaction.writes else transaction.info.get(key)
    if sidebar is None:
        sidebar = transaction.info[key] = (await list_sidebars(transaction, [member.id], current))[member.id]
    return sidebar


@sidebar_section("chat/_rooms_section.html", order=20)
async def rooms_section(request: AnyRequest, transaction: Transaction, member: Member) -> dict[str, object]:
    """The rooms that a member uses, with what is unread."""
    sidebar = await list_own_rooms(request, transaction, member)
    return {"html": write_sidebar(sidebar, transaction.tenant.language)}
