"""What one chooses from while typing: people, rooms, and who can be mentioned in a room."""

from __future__ import annotations

from typing import Any

from litestar import Response, get

from app.accounts.choosing import Candidate, ChoosingLimit, list_known, offer_persons
from app.accounts.members import Member
from app.accounts.rights import is_entitled
from app.chat.discussions import get_card
from app.chat.memberships import get_room
from app.chat.people import list_known_of_room, list_permitted
from app.chat.room_lists import list_invitable_rooms, list_rooms
from app.chat.text.names import EVERYBODY_NAMES, EVERYBODY_WORDS
from app.database import Transaction
from app.folding import fold, fold_searched
from app.tenants.invited import Invitable, offer_things
from app.web.paging import clean_query
from app.web.texts import _l

# How many names are offered for a mention.
MENTIONABLE = 6
BOT = _l("bot")


def choice_of(person: Candidate, language: str) -> dict[str, str]:
    """A person as a choice: namesakes are told apart by their addresses, and bots say that they are."""
    note = BOT.translate(language) if person.bot else person.email
    return {"value": person.value, "text": person.name, "note": note}


@get("/choices/people")
async def choose_people(
    transaction: Transaction, member: Member, choosing: ChoosingLimit, q: str = "", outside: str = ""
) -> Response[Any]:
    """People whose name or address has some letters, those of a room left out."""
    await choosing.check(member)
    if outside:
        room = await get_room(transaction, member, outside)
        known = await list_known_of_room(transaction, member, room, inside=False)
    else:
        known = await list_known(transaction, member)
    people = offer_persons(known, clean_query(q))
    return Response([choice_of(person, transaction.tenant.language) for person in people])


@get("/choices/rooms")
async def show_room_choices(
    transaction: Transaction, member: Member, choosing: ChoosingLimit, q: str = "", invite: str = ""
) -> Response[Any]:
    """Rooms that a member is in, or may join, by letters of their names; to `invite` to, by their ids."""
    await choosing.check(member)
    if invite:
        return Response(offer_things(await list_invitable_rooms(transaction, member), clean_query(q)))
    rooms = [Invitable(room.id, room.name, room.slug) for room in await list_rooms(transaction, member)]
    found = offer_things(rooms, clean_query(q))
    slugs = {room.value: room.slug for room in rooms}
    return Response([{**each, "value": slugs[each["value"]]} for each in found])


@get("/choices/mentions")
async def choose_mentions(
    transaction: Transaction, member: Member, choosing: ChoosingLimit, q: str = "", room: str = "", about: str = ""
) -> Response[Any]:
    """Names that can be mentioned, by how they or a part of them begin: in a room that is not open, of those in it. In
    a discussion `about` something, guests are offered those who may read that, whom they don't know otherwise."""
    await choosing.check(member)
    where = await get_room(transaction, member, room) if room else None
    if where is not None and where.kind != "direct":
        about = about or where.subject or ""
    if about and not is_entitled(member, "see", "everybody"):
        known = await list_permitted(transaction, (await get_card(transaction, member, about)).row)
    elif where is None or where.open:
        known = await list_known(transaction, member)
    else:
        known = await list_known_of_room(transaction, member, where, inside=True)
    begun = fold_searched(clean_query(q))
    # Who is called as everybody is can't be meant by that name (chat/text/names.py).
    names = [each.name for each in known if fold(each.name) not in EVERYBODY_NAMES]
    usual = EVERYBODY_WORDS[transaction.tenant.language]
    words = [*usual, *sorted(EVERYBODY_NAMES - {*usual})] if begun else usual[:1]
    people = {each.name for each in known if not each.bot}
    found = [
        name
        for name, folded in [*((name, fold_searched(name)) for name in names), *((word, word) for word in words)]
        if folded.startswith(begun) or f" {begun}" in folded
    ]
    bot = BOT.translate(transaction.tenant.language)
    bots = {each.name for each in known if each.bot} - people
    return Response(
        [
            {"value": name, "text": name, "note": bot if name in bots else ""}
            for name in list(dict.fromkeys(found))[:MENTIONABLE]
        ]
    )


handlers = [choose_people, show_room_choices, choose_mentions]
