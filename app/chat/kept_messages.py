"""Messages of rooms' pages that are kept as HTML: most of a room is what it was when it was shown before.

That takes a third off a room's time of the processor. A message is kept by all that it shows, so that none is shown as
it was: tests/chat/test_kept_messages.py changes each thing. One with files is not kept, and none with a record that
somebody edits.
"""

from __future__ import annotations

from collections.abc import Hashable

from markupsafe import Markup

from app.chat.rooms import Room
from app.chat.timeline import ShownMessage
from app.editing.row_places import Card
from app.web.templates import render

# Some 5 kB each, in every process.
MOST_MESSAGES_KEPT = 500
KEPT_MESSAGES: dict[Hashable, Markup] = {}


def write_kept_message(shown: ShownMessage, room: Room, language: str) -> Markup:
    """A message of a room as its page has it."""
    if shown.attachments or any(card.row.lock_member_id for card in shown.cards):
        return write_message_anew(shown, room, language)
    message = shown.message
    key = (
        *(language, room.slug, message.id, message.number, message.member_id, message.program, message.key),
        *(message.created_at, message.deleted_at, bool(message.text)),
        *(shown.html, shown.author, shown.deleted_by, shown.pinned, shown.quote, shown.edits),
        tuple([identify_card(card) for card in shown.cards]),
        tuple([(emoji, tuple(people)) for emoji, people in shown.reactions]),
    )
    kept = KEPT_MESSAGES.get(key)
    if kept is None:
        kept = KEPT_MESSAGES[key] = write_message_anew(shown, room, language)
        if len(KEPT_MESSAGES) > MOST_MESSAGES_KEPT:
            del KEPT_MESSAGES[next(iter(KEPT_MESSAGES))]
    return kept


def write_message_anew(shown: ShownMessage, room: Room, language: str) -> Markup:
    """A message, made whether it is kept or not."""
    return Markup(render(language, "chat/_message.html", shown=shown, room=room))  # noqa: S704  (a template)


def identify_card(card: Card) -> Hashable:
    """All that a card shows of a record that nobody edits."""
    return card.place, card.told, card.refused
