"""Files of messages: who gets them, how many bytes a workspace has, and what goes with a message."""

from __future__ import annotations

import secrets
from datetime import timedelta

import pytest
from litestar.exceptions import NotFoundException
from sqlalchemy import func, select

from app.accounts.members import Member, find_member
from app.accounts.undo import UNDO_OFFER_KEPT_FOR
from app.chat import memberships
from app.chat.attachments import MOST_A_MESSAGE, UNSENT_FOR, Attachment, delete_unsent, get_attachment, list_attachments
from app.chat.message_changes import delete_message
from app.chat.messages import Message
from app.chat.new_rooms import create_room, ensure_general, open_direct
from app.chat.posting import post_message
from app.chat.room_changes import archive_room
from app.chat.rooms import Room
from app.chat.timeline import read_page
from app.chat.unsent_files import add_attachment, discard_file, find_unsent, list_unsent
from app.database import Database, Transaction, now
from app.files.uploads import StoredFile
from app.web.errors import Gone
from app.web.forms import Invalid
from tests.chat.test_messages import ACME, GLOBEX, people_of

QUOTA = 1_000_000


def stored(size: int = 1000, name: str = "plan.png") -> StoredFile:
    """What `read_multipart` gives for a picture."""
    return StoredFile(
        key=secrets.token_hex(16), name=name, size=size, media_type="image/png", width=40, height=30, preview=True
    )


async def bring(transaction: Transaction, room: Room, member: Member, name: str = "plan.png") -> Attachment:
    return await add_attachment(transaction, room, member, stored(name=name), quota=QUOTA)


async def send(transaction: Transaction, room: Room, member: Member, *files: Attachment) -> Message:
    """Send files without a word, as the page does."""
    message, new = await post_message(
        transaction, room, member, key=secrets.token_hex(8), text="", origin="", files=[file.id for file in files]
    )
    assert new
    return message


async def count_rows(transaction: Transaction) -> int:
    return await transaction.scalar(select(func.count()).select_from(Attachment)) or 0


async def test_a_file_keeps_what_was_found_out_about_it(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        file = stored(size=1234, name="O plano.png")
        made = await add_attachment(transaction, general, people.ana, file, quota=QUOTA)
        attachment_id = made.id
    async with database.read(ACME) as transaction:
        kept = await get_attachment(transaction, people.ana, attachment_id)
        for name in ("key", "name", "size", "media_type", "width", "height", "preview"):
            assert getattr(kept, name) == getattr(file, name)
        assert (kept.room_id, kept.member_id, kept.message_id) == (general.id, people.ana.id, None)


async def test_a_file_that_was_not_sent_is_its_bringers_alone(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        file = await bring(transaction, general, people.carla)
        assert (await get_attachment(transaction, people.carla, file.id)).id == file.id
        for other in (people.ana, people.bruno, people.davi):
            with pytest.raises(NotFoundException):
                await get_attachment(transaction, other, file.id)
        await send(transaction, general, people.carla, file)
        for other in (people.ana, people.bruno, people.davi):
            assert (await get_attachment(transaction, other, file.id)).id == file.id
        with pytest.raises(NotFoundException):
            await get_attachment(transaction, people.carla, file.id + 1)


async def test_only_ones_own_unsent_files_of_the_room_go_with_a_message(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        other = await create_room(transaction, people.carla, name="Other")
        mine = await bring(transaction, general, people.carla, "mine")
        sent = await bring(transaction, general, people.carla, "sent")
        elsewhere = await bring(transaction, other, people.carla, "elsewhere")
        anothers = await bring(transaction, general, people.davi, "another's")
        message = await send(transaction, general, people.carla, sent)
        for file in (anothers, elsewhere, sent):
            with pytest.raises(Invalid, match="no longer available"):
                await send(transaction, general, people.carla, file, mine)
        later = await send(transaction, general, people.carla, mine)
        assert mine.message_id == later.id
        assert sent.message_id == message.id, "it stays with the message it was sent with"
        assert (elsewhere.message_id, anothers.message_id) == (None, None)


async def test_a_message_takes_ten_files_and_shows_them_in_the_order_they_were_brought(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        files = [await bring(transaction, general, people.ana, f"{n}.png") for n in range(MOST_A_MESSAGE + 2)]
        with pytest.raises(Invalid, match="up to"):
            await send(transaction, general, people.ana, *files)
        message = await send(transaction, general, people.ana, *files[:MOST_A_MESSAGE])
        shown = (await read_page(transaction, general)).messages[-1]
        assert shown.message.id == message.id
        assert [file.name for file in shown.attachments] == [f"{n}.png" for n in range(MOST_A_MESSAGE)]
        assert files[-1].message_id is None


@pytest.mark.parametrize("kind", ["private", "direct"])
async def test_files_of_a_closed_room_are_not_there_for_others(database: Database, kind: str) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        if kind == "private":
            room = await create_room(transaction, people.carla, name="Vault", private=True)
        else:
            room = await open_direct(transaction, [people.carla, people.bruno])
        file = await bring(transaction, room, people.carla)
        await send(transaction, room, people.carla, file)
        for outsider in (people.ana, people.davi):  # not even for the owner of the workspace
            with pytest.raises(NotFoundException):
                await get_attachment(transaction, outsider, file.id)


async def test_who_is_removed_from_a_room_gets_its_files_no_more_not_even_ones_own(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.carla, name="Vault", private=True)
        await memberships.invite(transaction, room, people.carla, people.davi)
        sent = await bring(transaction, room, people.davi)
        unsent = await bring(transaction, room, people.davi)
        await send(transaction, room, people.davi, sent)
        assert await get_attachment(transaction, people.davi, sent.id)
        await memberships.remove(transaction, room, people.carla, people.davi)
        for file in (sent, unsent):
            with pytest.raises(NotFoundException):
                await get_attachment(transaction, people.davi, file.id)
        assert await get_attachment(transaction, people.carla, sent.id)


async def test_an_archived_room_still_gives_its_files(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.carla, name="Old days")
        file = await bring(transaction, room, people.carla)
        await send(transaction, room, people.carla, file)
        await archive_room(transaction, room, people.carla, archived=True)
        assert await get_attachment(transaction, people.davi, file.id)


async def test_a_workspace_can_be_filled_to_the_last_byte_and_no_further(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        other = await create_room(transaction, people.carla, name="Other", private=True)
        await add_attachment(transaction, general, people.ana, stored(QUOTA - 10), quota=QUOTA)
        last = await add_attachment(transaction, other, people.carla, stored(10), quota=QUOTA)
        rows = await count_rows(transaction)
        with pytest.raises(Invalid) as caught:
            await add_attachment(transaction, general, people.davi, stored(1), quota=QUOTA)
        assert caught.value.errors["file"].translate("en") == (
            "Not enough space: the files of this workspace can take up to 1 MB."
        )
        assert await count_rows(transaction) == rows
        message = await send(transaction, other, people.carla, last)
        await delete_message(transaction, message, people.carla)
        with pytest.raises(Invalid):
            await add_attachment(transaction, general, people.davi, stored(1), quota=QUOTA)  # it can be undone
        message.deleted_at = now() - UNDO_OFFER_KEPT_FOR - timedelta(seconds=1)
        await transaction.flush()
        await delete_unsent(transaction)
        assert await add_attachment(transaction, general, people.davi, stored(10), quota=QUOTA), "there is room again"


async def test_one_workspace_does_not_fill_anothers_quota_nor_get_its_files(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        file = await add_attachment(transaction, general, people.ana, stored(QUOTA), quota=QUOTA)
        message = await send(transaction, general, people.ana, file)
    async with database.write(GLOBEX) as transaction:
        gil = await find_member(transaction, "gil@globex.test")
        assert gil
        theirs = await ensure_general(transaction)
        own = await add_attachment(transaction, theirs, gil, stored(QUOTA), quota=QUOTA)
        with pytest.raises(NotFoundException):
            await get_attachment(transaction, gil, file.id)
        assert list(await find_unsent(transaction, theirs, gil, [file.id, own.id])) == [own]
        assert await list_attachments(transaction, message) == []
    async with database.read(ACME) as transaction:
        assert await get_attachment(transaction, people.davi, file.id)


async def test_the_files_of_a_deleted_message_are_gone_and_named_for_the_disk(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        files = [await bring(transaction, general, people.carla) for _ in range(2)]
        kept = await bring(transaction, general, people.carla)
        message = await send(transaction, general, people.carla, *files)
        await send(transaction, general, people.carla, kept)
        assert await delete_message(transaction, message, people.bruno)
        for file in files:
            with pytest.raises(NotFoundException):
                await get_attachment(transaction, people.carla, file.id)
        assert await delete_unsent(transaction) == [], "it can be undone yet"
        message.deleted_at = now() - UNDO_OFFER_KEPT_FOR - timedelta(seconds=1)
        await transaction.flush()
        assert sorted(await delete_unsent(transaction)) == sorted(file.key for file in files)
        assert await delete_unsent(transaction) == []
        assert await get_attachment(transaction, people.davi, kept.id)


async def test_only_files_that_were_never_sent_are_swept_after_a_day(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        fresh, old, sent = [await bring(transaction, general, people.carla, name) for name in ("fresh", "old", "sent")]
        await send(transaction, general, people.carla, sent)
        old.created_at = sent.created_at = now() - UNSENT_FOR - timedelta(minutes=1)
        fresh.created_at = now() - UNSENT_FOR + timedelta(minutes=1)
        await transaction.flush()
        keys = [old.key]
    async with database.write(GLOBEX) as transaction:
        assert await delete_unsent(transaction) == []
    async with database.write(ACME) as transaction:
        assert await delete_unsent(transaction) == keys
        assert await delete_unsent(transaction) == []
        assert set(await transaction.scalars(select(Attachment.name))) == {"fresh", "sent"}


async def test_files_not_sent_are_listed_to_who_brought_them_for_that_room_and_day(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        other = await create_room(transaction, people.carla, name="Other")
        first = await bring(transaction, general, people.carla, "first")
        sent = await bring(transaction, general, people.carla, "sent")
        second = await bring(transaction, general, people.carla, "second")
        old = await bring(transaction, general, people.carla, "old")
        old.created_at = now() - UNSENT_FOR - timedelta(minutes=1)
        await bring(transaction, other, people.carla, "elsewhere")
        await bring(transaction, general, people.davi, "another's")
        await send(transaction, general, people.carla, sent)
        assert list(await list_unsent(transaction, general, people.carla)) == [first, second]
        assert list(await list_unsent(transaction, general, people.ana)) == []
        assert list(await list_unsent(transaction, None, people.carla)) == []


async def test_only_who_brought_a_file_takes_it_out_and_only_before_it_is_sent(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        mine, sent = [await bring(transaction, general, people.carla, name) for name in ("mine", "sent")]
        await send(transaction, general, people.carla, sent)
        for member, file in ((people.ana, mine), (people.davi, mine), (people.carla, sent), (people.ana, sent)):
            with pytest.raises(Gone):
                await discard_file(transaction, member, file.id)
        room, keys = await discard_file(transaction, people.carla, mine.id)
        assert (room.id, keys) == (general.id, [mine.key])
        assert await count_rows(transaction) == 1
    async with database.write(GLOBEX) as transaction:
        gil = (await transaction.scalars(select(Member))).first()
        assert gil is not None
        with pytest.raises(Gone):
            await discard_file(transaction, gil, sent.id)


async def test_a_file_that_was_taken_out_leaves_its_id_to_no_other(database: Database) -> None:
    async with database.write(ACME) as transaction:
        carla = (await people_of(transaction)).carla
        general = await ensure_general(transaction)
        wanted = await bring(transaction, general, carla, "wanted.txt")
        await discard_file(transaction, carla, wanted.id)
        other = await bring(transaction, general, carla, "other.txt")
        assert other.id > wanted.id
        with pytest.raises(Invalid):
            await send(transaction, general, carla, wanted)
