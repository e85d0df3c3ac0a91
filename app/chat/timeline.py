"""What a room shows: its messages in order, with everything that belongs to them, in a fixed number of queries."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence

from markupsafe import Markup
from msgspec import Struct, field
from sqlalchemy import bindparam, func, select

from app.accounts.members import Member
from app.accounts.mentions import mentioned_in, write_names, write_names_in_html
from app.accounts.programs import name_with_program
from app.chat.attachments import LIST_FILES, Attachment
from app.chat.facts import MessagePosted
from app.chat.message_cards import find_message_cards, list_addresses
from app.chat.messages import Message, MessageRevision
from app.chat.pins import PinnedMessage, find_pinned_to
from app.chat.reactions import LIST_REACTIONS, Reaction
from app.chat.references import LIST_MENTIONS
from app.chat.rooms import Room
from app.chat.text.record_links import without_record_links
from app.database import PreparedSelect, Transaction
from app.editing.row_places import Card
from app.web.texts import Text, shorten_text

TIMELINE_PAGE_SIZE = 50
QUOTE_EXCERPT = 140


class Author(Struct, frozen=True):
    """Who wrote, deleted or reacted; a `bot` is marked as one."""

    id: int
    name: str
    bot: bool = False


class Quote(Struct, frozen=True):
    """The message that another one answers, in a line."""

    id: int
    number: int
    author: Author
    text: str


class ShownMessage(Struct):
    """A message as the page and the push show it.

    `signed` is who has written it, by a program or not; of a bot that is clear where its mark stands beside the name.
    `html` is its text as `text/markdown.py` has made it safe, with the names that those whom it mentions have now, and
    `excerpt` how it begins, in a line without markup; of a message that is files alone, their names. `reactions` are
    (emoji, people), in the order they came.
    """

    message: Message
    author: Author
    signed: Text | str
    html: Markup
    excerpt: str
    deleted_by: Author | None = None
    quote: Quote | None = None
    edits: int = 0
    reactions: list[tuple[str, list[Author]]] = field(default_factory=list)
    attachments: list[Attachment] = field(default_factory=list)
    cards: list[Card] = field(default_factory=list)
    mentions: list[int] = field(default_factory=list)
    pinned: bool = False


class Page(Struct, frozen=True):
    """A stretch of a room's messages; whether there are older and newer ones, and how many of all are pinned."""

    messages: list[ShownMessage]
    older: bool
    newer: bool
    pins: int


LIST_MESSAGES = PreparedSelect(
    lambda: (
        select(Message)
        .where(
            Message.room_id == bindparam("room_id"),
            Message.number >= bindparam("low"),
            Message.number <= bindparam("high"),
        )
        .order_by(Message.number)
    )
)


async def read_page(
    transaction: Transaction,
    room: Room,
    *,
    viewer: Member | None = None,
    before: int = 0,
    after: int = 0,
    around: int = 0,
) -> Page:
    """The newest messages as somebody sees them; or those before a number, after one, or around one.

    Where there are none, it is those that come nearest.
    """
    if around:
        around = min(around, room.last_number)
        low, high = around - TIMELINE_PAGE_SIZE // 2, around + TIMELINE_PAGE_SIZE // 2
    elif 0 < after < room.last_number:
        low, high = after + 1, after + TIMELINE_PAGE_SIZE
    elif before:
        high = min(before - 1 if before > 1 else TIMELINE_PAGE_SIZE, room.last_number)
        low = high - TIMELINE_PAGE_SIZE + 1
    else:
        low, high = room.last_number - TIMELINE_PAGE_SIZE + 1, room.last_number
    messages, pinned = await transaction.together(
        transaction.column(LIST_MESSAGES, room_id=room.id, low=low, high=high), find_pinned_to(transaction, room)
    )
    shown = await show_messages(transaction, messages, viewer=viewer, pinned=pinned)
    return Page(shown, low > 1, high < room.last_number, len(pinned))


async def show_message(transaction: Transaction, message: Message) -> ShownMessage:
    """One message with everything that belongs to it."""
    return (await show_messages(transaction, [message]))[0]


async def show_messages(
    transaction: Transaction,
    messages: Sequence[Message],
    *,
    posted: Collection[MessagePosted] = (),
    viewer: Member | None = None,
    pinned: set[int] | None = None,
) -> list[ShownMessage]:
    """Messages with everything that belongs to them, as a viewer sees them, or as they are shown to all in their rooms.

    Of those that were just `posted` nothing is looked for that they don't have: nobody has edited or answered them by
    emoji, and their facts say what they came with. Nor is it asked which are pinned where the ids of those are given.
    """
    ids = old = with_files = with_records = [message.id for message in messages]
    if posted:
        old = []
        with_files = [fact.message_id for fact in posted if fact.files]
        with_records = [fact.message_id for fact in posted if fact.records]
    (quoted, reactions, people), edits, pinned, attachments, cards, mentions = await transaction.together(
        find_answered_and_people(transaction, messages, old),
        count_edits(transaction, old),
        find_pinned(transaction, old, pinned),
        find_attachments(transaction, with_files),
        find_message_cards(transaction, with_records, viewer),
        find_mentions(transaction, () if posted else ids),
    )
    mentions = {fact.message_id: list(fact.mentioned) for fact in posted} or mentions
    names = {person.id: person.name for person in people.values()}
    shown = []
    for message in messages:
        answered = quoted.get(message.reply_to_id or 0)
        named = cards.get(message.id, [])
        refused = [card for card in named if viewer and not card.told]
        html = without_record_links(message.html, {each for card in refused for each in list_addresses(card)})
        author, files = people[message.member_id], attachments.get(message.id, [])
        said = write_names(message.plain, names) or " ".join(file.name for file in files)
        shown.append(
            ShownMessage(
                message=message,
                author=author,
                signed=name_with_program(author.name, message.program) if message.program else author.name,
                html=Markup(write_names_in_html(html, names)),  # noqa: S704
                excerpt=shorten_text(said, QUOTE_EXCERPT),
                deleted_by=people.get(message.deleted_by_id or 0),
                quote=None
                if answered is None
                else Quote(
                    answered.id,
                    answered.number,
                    people[answered.member_id],
                    shorten_text(write_names(answered.plain, names), QUOTE_EXCERPT),
                ),
                edits=edits.get(message.id, 0),
                reactions=group_reactions(reactions.get(message.id, ()), people),
                attachments=files,
                cards=[card for card in named if card not in refused],
                mentions=mentions.get(message.id, []),
                pinned=message.id in pinned,
            )
        )
    return shown


async def find_answered_and_people(
    transaction: Transaction, messages: Sequence[Message], with_reactions: list[int]
) -> tuple[dict[int, Message], dict[int, list[Reaction]], dict[int, Author]]:
    """The messages that some answer, the reactions to those of these ids, and everybody whom all of them name."""
    quoted, reactions = await transaction.together(
        transaction.find_all(Message, {message.reply_to_id for message in messages if message.reply_to_id}),
        find_reactions(transaction, with_reactions),
    )
    people = await find_writers(
        transaction,
        {
            *(message.member_id for message in (*messages, *quoted.values())),
            *(message.deleted_by_id for message in messages if message.deleted_by_id),
            *(reaction.member_id for each in reactions.values() for reaction in each),
            *mentioned_in(*(message.html for message in messages), *(message.plain for message in quoted.values())),
        },
    )
    return quoted, reactions, people


def group_reactions(reactions: Iterable[Reaction], people: dict[int, Author]) -> list[tuple[str, list[Author]]]:
    """Reactions by emoji, in the order of each one's first."""
    grouped: dict[str, list[Author]] = {}
    for reaction in reactions:
        grouped.setdefault(reaction.emoji, []).append(people[reaction.member_id])
    return list(grouped.items())


LIST_WRITERS = PreparedSelect(lambda: select(Member.id, Member.name, Member.bot).where(Member.id.in_(bindparam("ids"))))


async def find_writers(transaction: Transaction, ids: set[int]) -> dict[int, Author]:
    """Members by id, whether they are still there or not."""
    rows = await transaction.rows(LIST_WRITERS, ids=ids) if ids else ()
    return {number: Author(number, name, bot) for number, name, bot in rows}


async def find_reactions(transaction: Transaction, ids: list[int]) -> dict[int, list[Reaction]]:
    """Reactions by message, in the order they came."""
    found: dict[int, list[Reaction]] = defaultdict(list)
    for reaction in await transaction.column(LIST_REACTIONS, message_ids=ids) if ids else ():
        found[reaction.message_id].append(reaction)
    return found


FIND_PINNED = PreparedSelect(
    lambda: select(PinnedMessage.message_id).where(PinnedMessage.message_id.in_(bindparam("message_ids")))
)


async def find_pinned(transaction: Transaction, ids: list[int], known: set[int] | None) -> set[int]:
    """Which messages are pinned to their room, where it is not known."""
    if known is not None:
        return known
    return set(await transaction.column(FIND_PINNED, message_ids=ids)) if ids else set()


COUNT_EDITS = PreparedSelect(
    lambda: (
        select(MessageRevision.message_id, func.count())
        .where(MessageRevision.message_id.in_(bindparam("message_ids")))
        .group_by(MessageRevision.message_id)
    )
)


async def count_edits(transaction: Transaction, ids: list[int]) -> dict[int, int]:
    """How often messages were edited."""
    return dict(await transaction.rows(COUNT_EDITS, message_ids=ids)) if ids else {}


async def find_attachments(transaction: Transaction, ids: list[int]) -> dict[int, list[Attachment]]:
    """Files by message."""
    found: dict[int, list[Attachment]] = defaultdict(list)
    for attachment in await transaction.column(LIST_FILES, message_ids=ids) if ids else ():
        found[attachment.message_id or 0].append(attachment)
    return found


async def find_mentions(transaction: Transaction, ids: Sequence[int]) -> dict[int, list[int]]:
    """Ids of members whom messages name, 0 for everybody."""
    found: dict[int, list[int]] = defaultdict(list)
    for message_id, member_id in await transaction.rows(LIST_MENTIONS, message_ids=ids) if ids else ():
        found[message_id].append(member_id)
    return found
