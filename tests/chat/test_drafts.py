"""What is typed and not sent: whose it is, where it is kept, and that nothing of what was sent comes back."""

from __future__ import annotations

import pytest

from app.accounts.members import Member, find_member
from app.chat.drafts import delete_draft, get_draft, keep_message_draft
from app.chat.memberships import find_membership
from app.chat.message_changes import delete_message, edit_message
from app.chat.new_rooms import create_room, ensure_general, open_discussion
from app.chat.posting import SentAlready, post_message
from app.database import Database, Transaction
from tests.chat.test_messages import ACME, GLOBEX, people_of, say


async def typed(transaction: Transaction, member: Member, place: str) -> str:
    """What a member has typed in a place, '' for nothing."""
    draft = await get_draft(transaction, member, place)
    return draft.text if draft is not None else ""


async def test_a_draft_is_of_one_member_in_one_place_and_needs_no_membership(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.ana, name="Reading")
        general = await ensure_general(transaction)
        assert await keep_message_draft(transaction, people.carla, room.place, "Half a thou", key="one")
        assert await find_membership(transaction, room, people.carla) is None
        assert await typed(transaction, people.carla, room.place) == "Half a thou"
        assert await typed(transaction, people.ana, room.place) == ""
        assert await typed(transaction, people.carla, general.place) == ""
        assert await keep_message_draft(transaction, people.carla, room.place, "Half a thought", key="one")
        assert await typed(transaction, people.carla, room.place) == "Half a thought"
        assert await keep_message_draft(transaction, people.carla, room.place, " \n", key="one")
        assert await typed(transaction, people.carla, room.place) == ""
    async with database.write(GLOBEX) as transaction:
        hana = await find_member(transaction, "hana@globex.test")
        assert hana
        assert await typed(transaction, hana, room.place) == ""


async def test_a_discussion_has_the_same_place_before_and_after_its_first_word(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        assert await keep_message_draft(transaction, people.ana, "record-40", "Is it", key="one")
        room = await open_discussion(transaction, "record-40", "Dom Casmurro")
        assert await typed(transaction, people.ana, room.place) == "Is it"


async def test_a_draft_that_comes_after_its_message_is_refused(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await ensure_general(transaction)
        assert await keep_message_draft(transaction, people.ana, room.place, "Good mor", key="one")
        await say(transaction, room, people.ana, "Good morning", key="one")
        await delete_draft(transaction, people.ana, room.place)
        assert not await keep_message_draft(transaction, people.ana, room.place, "Good morning", key="one")
        assert await typed(transaction, people.ana, room.place) == ""
        assert await keep_message_draft(transaction, people.ana, room.place, "The next one", key="two")
        assert await keep_message_draft(transaction, people.carla, room.place, "Mine", key="one")


async def test_another_text_with_the_key_of_a_posted_one_is_not_taken_for_it(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await ensure_general(transaction)
        first = await say(transaction, room, people.ana, "Good morning", key="one")
        with pytest.raises(SentAlready):
            await post_message(transaction, room, people.ana, key="one", text="Good morning, all", origin="")
        again = await post_message(transaction, room, people.ana, key="one", text="Good morning\r\n", origin="")
        assert again == (first, False)
        await edit_message(transaction, first, people.ana, text="Good evening", origin="")
        assert not (await post_message(transaction, room, people.ana, key="one", text="Good morning", origin=""))[1]
        await delete_message(transaction, first, people.ana)
        assert not (await post_message(transaction, room, people.ana, key="one", text="Good morning", origin=""))[1]
