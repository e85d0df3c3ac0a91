"""What pages are shown of messages: new ones, what becomes of them, and the cards of records in them.

On `room.{id}` a message itself, for those who look at the room; on `news.{id}` a mark, from which every page of a
member counts what is unread; on `line.{id}` the last line of a room, for home pages.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TypeVar

from markupsafe import Markup
from msgspec import Struct
from msgspec.structs import replace
from sqlalchemy import bindparam, select

from app.accounts.members import Member
from app.accounts.programs import name_with_program
from app.chat.channels import push_insiders
from app.chat.direct_rooms import find_direct_people
from app.chat.facts import InRoom, MessageChanged, MessageDeleted, MessageEdited, MessagePosted, MessageRestored
from app.chat.message_cards import find_told
from app.chat.messages import Message
from app.chat.references import RecordReference
from app.chat.rooms import Room, order_of
from app.chat.timeline import QUOTE_EXCERPT, Author, ShownMessage, show_messages
from app.database import Fact, Partial, PreparedSelect, Tenant, Transaction
from app.editing.facts import OfRow
from app.editing.row_places import Card, find_cards
from app.live.log import refresh
from app.web.templates import make_partial
from app.web.texts import shorten_text

# How many older messages are shown anew when what they quote changes.
QUOTING = 100
# Of a room in which more messages than this are posted, or change, at once its pages fetch themselves anew.
MOST_MESSAGES_SHOWN = 50


class News(Struct, frozen=True):
    """That a message was posted, or has changed, for everybody who counts what is unread; whom it named before, if that
    may be others now; whether it is there again; and the people of a direct room, which is called after the others,
    whoever looks."""

    fact: Fact
    room: Room
    shown: ShownMessage
    named: Sequence[int] | None = None
    restored: bool = False
    people: tuple[tuple[int, str], ...] | None = None


class MessagesShown(Struct, frozen=True):
    """What is shown of messages, by a template: each with its room; `anew` are rooms in which so much has happened that
    their pages fetch themselves."""

    template: str
    shown: list[tuple[Fact | None, Room, ShownMessage]]
    news: list[News]
    anew: list[tuple[Fact, Room]]


async def read_posted(transaction: Transaction, facts: Sequence[MessagePosted]) -> MessagesShown:
    """Read new messages, as they are shown to those who look at their rooms, and marks for everybody who counts."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    facts, anew = leave_out_many(transaction, rooms, facts) if len(facts) > MOST_MESSAGES_SHOWN else (facts, [])
    messages = await transaction.find_all(Message, [fact.message_id for fact in facts])
    members = await transaction.find_all(Member, {message.member_id for message in messages.values()})
    more = [fact for fact in facts if fact.reply_to_id or fact.mentioned or fact.records or fact.files]
    whole = await show_messages(transaction, [messages[each.message_id] for each in more], posted=more) if more else ()
    shown = {each.message.id: each for each in whole}
    for message in [each for each in messages.values() if each.id not in shown]:  # nothing belongs to it but its words
        author = members[message.member_id]
        signed = name_with_program(author.name, message.program) if message.program else author.name
        html, line = Markup(message.html), shorten_text(message.plain, QUOTE_EXCERPT)  # noqa: S704
        shown[message.id] = ShownMessage(message, Author(author.id, author.name, author.bot), signed, html, line)
    news = [News(fact, rooms[fact.room_id], shown[fact.message_id]) for fact in facts]
    told: list[tuple[Fact | None, Room, ShownMessage]] = [(each.fact, each.room, each.shown) for each in news]
    if any(room.kind in ("direct", "discussion") for room in rooms.values()):
        news = await read_news(transaction, news)
    return MessagesShown("chat/message_push.html", told, news, anew)


LIST_QUOTING = PreparedSelect(
    lambda: (
        select(Message)
        .where(Message.reply_to_id.in_(bindparam("message_ids")))
        .order_by(Message.id.desc())
        .limit(bindparam("most"))
    )
)


async def read_changed(transaction: Transaction, facts: Sequence[MessageChanged]) -> MessagesShown:
    """Read what became of messages: edited, deleted, restored, answered by emoji; and those that quote them."""
    rooms = await transaction.find_all(Room, [fact.room_id for fact in facts])
    facts, anew = leave_out_many(transaction, rooms, facts) if len(facts) > MOST_MESSAGES_SHOWN else (facts, [])
    messages = await transaction.find_all(Message, [fact.message_id for fact in facts])
    most = QUOTING * len(messages)
    quoting = await transaction.column(LIST_QUOTING, message_ids=messages, most=most) if messages else ()
    changed = {message.id: message for message in (*messages.values(), *quoting)}
    found = await show_messages(transaction, list(changed.values())) if changed else ()
    shown = {each.message.id: each for each in found}
    by_message = {fact.message_id: fact for fact in facts}
    before: dict[int, tuple[int, ...]] = {}
    for fact in facts:
        if fact.before is not None:
            before.setdefault(fact.message_id, fact.before)
    deleted, restored = (
        {fact.message_id for fact in facts if isinstance(fact, kind)} for kind in (MessageDeleted, MessageRestored)
    )
    news = [
        News(by_message[each], rooms[shown[each].message.room_id], shown[each], named, restored=each in restored)
        for each, named in before.items()
        if each in deleted | restored or set(named) != set(shown[each].mentions)
    ]
    told: list[tuple[Fact | None, Room, ShownMessage]] = [
        (by_message.get(each.message.id), rooms[each.message.room_id], each) for each in shown.values()
    ]
    return MessagesShown("chat/change_push.html", told, await read_news(transaction, news), anew)


def show_in_rooms(tenant: Tenant, found: MessagesShown) -> Iterator[Partial]:
    """Messages to those who look at their rooms, marks where others are unread now, and last lines to home pages, which
    fetch themselves anew where one says what it does not any more."""
    for fact, room in found.anew:
        place = f"room-{room.id}" if room.kind != "discussion" else f"{room.subject}-discussion"
        yield refresh(tenant, f"room.{room.id}", f"{place}-refresh", fact=fact)
    for cause, room, message in found.shown:
        yield make_partial(tenant, f"room.{room.id}", found.template, fact=cause, room=room, shown=message)
        if isinstance(cause, MessageEdited | MessageDeleted) and room.kind != "discussion":
            yield refresh(tenant, f"line.{room.id}", name_line(room, message.message.number), fact=cause)
    for news in found.news:
        shown = {"news": news, "order": order_of(news.room.kind, news.room.name, news.room.id)}
        yield make_partial(tenant, f"news.{news.room.id}", "chat/news_push.html", fact=news.fact, **shown)
        if news.named is None:  # of a new message
            yield make_partial(tenant, f"line.{news.room.id}", "chat/line_push.html", fact=news.fact, news=news)


def name_line(room: Room, number: int) -> str:
    """The id by which home pages have a message as the last line of its room."""
    return f"home-line-{room.id}-{number}"


AnyFact = TypeVar("AnyFact", bound=InRoom)


def leave_out_many(
    transaction: Transaction, rooms: Mapping[int, Room], facts: Sequence[AnyFact]
) -> tuple[list[AnyFact], list[tuple[Fact, Room]]]:
    """Leave out what has happened in rooms in which much has at once; (the others, and the last of each such room)."""
    counts = Counter(fact.room_id for fact in facts)
    many = {fact.room_id: fact for fact in facts if counts[fact.room_id] > MOST_MESSAGES_SHOWN}
    for room_id in many:
        push_insiders(transaction, rooms[room_id])
    return [fact for fact in facts if fact.room_id not in many], [(many[each], rooms[each]) for each in sorted(many)]


async def read_news(transaction: Transaction, news: list[News]) -> list[News]:
    """What is told to everybody in rooms. A discussion enters the sidebars of the few that take part."""
    for each in news:
        if each.room.kind == "discussion":
            push_insiders(transaction, each.room)
    news = [each for each in news if each.room.kind != "discussion"]
    direct = {each.room.id: each.room.subject for each in news if each.room.kind == "direct"}
    if not direct:
        return news
    people = await find_direct_people(transaction, direct.items())
    return [replace(each, people=people.get(each.room.id)) for each in news]


LIST_REFERRING = PreparedSelect(
    lambda: (
        select(RecordReference.subject, Message.room_id)
        .join(Message, (Message.id == RecordReference.message_id) & (Message.tenant_id == RecordReference.tenant_id))
        .where(RecordReference.subject.in_(bindparam("subjects")))
        .distinct()
        .order_by(RecordReference.subject, Message.room_id)
    )
)


async def read_cards(transaction: Transaction, facts: Sequence[OfRow]) -> list[tuple[OfRow, int, Card]]:
    """The cards of rows that have changed, or whose locks have, and the rooms where messages refer to them."""
    by_subject = {f"{fact.kind}-{fact.row_id}": fact for fact in facts}
    found = await transaction.rows(LIST_REFERRING, subjects=by_subject)
    if not found:
        return []
    named = await find_cards(transaction, {subject for subject, _ in found})
    found = [(subject, room_id) for subject, room_id in found if subject in named]
    asked = {(room_id, subject) for subject, room_id in found}
    told = await find_told(transaction, asked, named, None) if asked else set()
    return [
        (by_subject[subject], room_id, replace(named[subject], told=(room_id, subject) in told))
        for subject, room_id in found
    ]


def show_cards(tenant: Tenant, cards: Sequence[tuple[OfRow, int, Card]]) -> Iterator[Partial]:
    """Show cards in rooms: one push for each, for all messages that have it, to those who may see the room. Pages of a
    room in which many have changed at once fetch themselves anew."""
    counts = Counter(room_id for _, room_id, _ in cards)
    for room_id in sorted(each for each, count in counts.items() if count > MOST_MESSAGES_SHOWN):
        yield refresh(tenant, f"room.{room_id}", f"room-{room_id}-refresh")
    for fact, room_id, card in cards:
        if counts[room_id] <= MOST_MESSAGES_SHOWN:
            about = {"room_id": room_id, "card": card}
            yield make_partial(tenant, f"room.{room_id}", "chat/card_push.html", fact=fact, **about)
