"""Rooms and messages, against a real database: who may see what, posted once, in order, counted rightly."""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.exceptions import NotFoundException
from sqlalchemy import func, select

from app.accounts.members import Member, add_member, find_member
from app.chat import memberships
from app.chat.memberships import find_membership, get_room
from app.chat.message_changes import delete_message, edit_message, list_revisions
from app.chat.messages import Message, get_message
from app.chat.new_rooms import create_room, ensure_general, open_direct, open_discussion
from app.chat.people import list_people
from app.chat.posting import AnswerGone, post_message
from app.chat.reactions import check_emoji, react
from app.chat.reading import list_joined, mark_read_up_to
from app.chat.references import Mention, RecordReference
from app.chat.room_changes import archive_room, change_room
from app.chat.rooms import Room
from app.chat.search import read_query, search_messages
from app.chat.text.markdown import Rendered
from app.chat.text.rendering import LONGEST_MESSAGE, render_aside
from app.chat.text.shortcodes import EMOJI_FILE
from app.chat.timeline import read_page
from app.database import Database, Transaction
from app.web.errors import PageError
from app.web.forms import Invalid

ACME, GLOBEX = 1, 2


@dataclass
class People:
    """Those of acme."""

    ana: Member
    bruno: Member
    carla: Member
    davi: Member


async def people_of(transaction: Transaction) -> People:
    found = [await find_member(transaction, f"{name}@acme.test") for name in ("ana", "bruno", "carla", "davi")]
    ana, bruno, carla, davi = found
    assert ana
    assert bruno
    assert carla
    assert davi
    return People(ana, bruno, carla, davi)


async def say(transaction: Transaction, room: Room, member: Member, text: str, key: str = "") -> Message:
    message, new = await post_message(transaction, room, member, key=key or f"key {text}"[:40], text=text, origin="")
    assert new
    return message


async def unread(transaction: Transaction, member: Member, room: Room) -> tuple[int, int]:
    joined = next(each for each in await list_joined(transaction, member) if each.room.id == room.id)
    return joined.unread, joined.mentions


async def test_everybody_is_in_the_general_room_newcomers_too(database: Database) -> None:
    async with database.write(ACME) as transaction:
        eva = await add_member(transaction, email="eva@acme.test", name="Eva", role="member", password_hash="")
    async with database.write(ACME) as transaction:
        general = await get_room(transaction, eva, "general")
        assert [person.name for person in await list_people(transaction, general)] == [
            "Ana",
            "Bruno",
            "Carla",
            "Davi",
            "Eva",
        ]
        assert await unread(transaction, eva, general) == (0, 0)
        with pytest.raises(PageError):
            await memberships.leave(transaction, general, eva)
        with pytest.raises(PageError):
            await archive_room(transaction, general, (await people_of(transaction)).ana, archived=True)


async def test_the_same_key_posts_once(database: Database) -> None:
    async def post() -> int:
        async with database.write(ACME) as transaction:
            people = await people_of(transaction)
            general = await get_room(transaction, people.ana, "general")
            message, _ = await post_message(transaction, general, people.ana, key="one", text="Once", origin="")
            return message.id

    assert len(set(await asyncio.gather(*(post() for _ in range(5))))) == 1


async def test_messages_have_the_next_number_each_without_a_gap(database: Database) -> None:
    async def post(number: int) -> None:
        async with database.write(ACME) as transaction:
            people = await people_of(transaction)
            general = await get_room(transaction, people.ana, "general")
            await say(transaction, general, (people.ana, people.carla)[number % 2], f"Number {number}")

    async with database.read(ACME) as transaction:
        before = (await get_room(transaction, (await people_of(transaction)).ana, "general")).last_number
    await asyncio.gather(*(post(number) for number in range(20)))
    async with database.read(ACME) as transaction:
        general = await get_room(transaction, (await people_of(transaction)).ana, "general")
        numbers = await transaction.scalars(
            select(Message.number).where(Message.room_id == general.id).order_by(Message.number)
        )
        assert list(numbers) == list(range(1, before + 21))
        assert general.last_number == before + 20


@pytest.mark.parametrize("text", ["", "  \n ", "x" * (LONGEST_MESSAGE + 1)])
async def test_a_text_that_will_not_do_is_refused_with_a_word(database: Database, text: str) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await get_room(transaction, people.ana, "general")
        with pytest.raises(Invalid):
            await post_message(transaction, general, people.ana, key="k", text=text, origin="")
        assert await say(transaction, general, people.ana, "x" * LONGEST_MESSAGE)


async def test_a_private_room_does_not_exist_for_who_is_not_in_it(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        board = await create_room(transaction, people.carla, name="Bóard  room", private=True)
        assert board.slug == "board-room"
        await say(transaction, board, people.carla, "A secret word")
        for outsider in (people.ana, people.davi):
            with pytest.raises(NotFoundException):
                await get_room(transaction, outsider, board.slug)
            assert await search_messages(transaction, outsider, "secret") == []
            assert board.id not in {each.room.id for each in await list_joined(transaction, outsider)}
            with pytest.raises(PageError):
                await post_message(transaction, board, outsider, key="k", text="Let me in", origin="")
            with pytest.raises(PageError):
                await memberships.invite(transaction, board, outsider, outsider)
        assert await memberships.invite(transaction, board, people.carla, people.davi)
        assert len(await search_messages(transaction, people.davi, "secret")) == 1
        assert await unread(transaction, people.davi, board) == (0, 0), "what was said before is not news"
        await memberships.remove(transaction, board, people.carla, people.davi)
        assert await search_messages(transaction, people.davi, "secret") == []
        with pytest.raises(NotFoundException):
            await get_room(transaction, people.davi, board.slug)


async def test_a_public_room_is_read_by_all_and_joined_by_writing(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.carla, name="Acquisitions", description="What we want")
        assert await get_room(transaction, people.davi, "acquisitions")
        assert await find_membership(transaction, room, people.davi) is None
        await say(transaction, room, people.davi, "I would like a globe")
        assert await find_membership(transaction, room, people.davi) is not None
        await memberships.leave(transaction, room, people.davi)
        with pytest.raises(PageError):
            await change_room(transaction, room, people.davi, name="Mine", description="")
        with pytest.raises(PageError):
            await archive_room(transaction, room, people.davi, archived=True)
        await archive_room(transaction, room, people.carla, archived=True)
        with pytest.raises(PageError):
            await post_message(transaction, room, people.carla, key="late", text="Too late", origin="")
        await archive_room(transaction, room, people.ana, archived=False)
        assert await say(transaction, room, people.carla, "Open again")


async def test_the_same_people_always_get_the_same_direct_room(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await open_direct(transaction, [people.ana, people.carla])
        assert (await open_direct(transaction, [people.carla, people.ana, people.ana])).id == room.id
        assert (await open_direct(transaction, [people.carla, people.ana, people.davi])).id != room.id
        with pytest.raises(Invalid):
            await open_direct(transaction, [people.ana])
        with pytest.raises(NotFoundException):
            await get_room(transaction, people.bruno, room.slug)


async def test_a_message_is_edited_by_its_author_alone_and_keeps_what_it_was(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await get_room(transaction, people.ana, "general")
        message = await say(transaction, general, people.carla, "A **tpyo**")
        assert await edit_message(transaction, message, people.carla, text="A typo", origin="")
        assert not await edit_message(transaction, message, people.carla, text="A typo ", origin="")
        with pytest.raises(PageError):
            await edit_message(transaction, message, people.ana, text="Mine", origin="")
        assert [revision.text for revision in await list_revisions(transaction, message, people.ana)] == ["A **tpyo**"]
        with pytest.raises(PageError):
            await list_revisions(transaction, message, people.davi)
        assert len(await search_messages(transaction, people.ana, "typo")) == 1
        assert await search_messages(transaction, people.ana, "tpyo") == []


async def test_a_deleted_message_leaves_a_trace_and_nothing_else(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await get_room(transaction, people.ana, "general")
        message = await say(transaction, general, people.carla, "@Ana see #40, it is lilac")
        await edit_message(transaction, message, people.carla, text="@Ana see #40, it is mauve", origin="")
        await react(transaction, message, people.davi, "👍", on=True)
        with pytest.raises(PageError):
            await delete_message(transaction, message, people.davi)
        assert await delete_message(transaction, message, people.bruno), "Bruno is an admin"
        assert not await delete_message(transaction, message, people.bruno)
        (shown,) = [each for each in (await read_page(transaction, general)).messages if each.message.id == message.id]
        assert shown.deleted_by
        assert (shown.deleted_by.name, shown.message.text, shown.html) == ("Bruno", "", "")
        assert (shown.reactions, shown.cards, shown.mentions, shown.edits) == ([], [], [], 0)
        assert await search_messages(transaction, people.ana, "mauve") == []
        for model in (Mention, RecordReference):
            statement = select(func.count()).select_from(model).where(model.message_id == message.id)
            assert await transaction.scalar(statement) == 0


async def test_an_emoji_is_put_once_and_taken_away_again(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await get_room(transaction, people.ana, "general")
        message = await say(transaction, general, people.carla, "Cake in the kitchen")
        assert await react(transaction, message, people.ana, "🎉", on=True)
        assert not await react(transaction, message, people.ana, "🎉", on=True)
        assert await react(transaction, message, people.davi, "🎉", on=True)
        assert await react(transaction, message, people.ana, "🎉", on=False)
        shown = (await read_page(transaction, general)).messages[-1]
        assert [(emoji, [person.name for person in by]) for emoji, by in shown.reactions] == [("🎉", ["Davi"])]


SCOTLAND = "🏴\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


async def test_an_emoji_that_is_written_in_two_ways_is_one(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await get_room(transaction, people.ana, "general")
        message = await say(transaction, general, people.carla, "A party")
        assert await react(transaction, message, people.ana, "❤", on=True)
        assert await react(transaction, message, people.davi, "❤\ufe0f", on=True)
        assert not await react(transaction, message, people.davi, "❤", on=True)
        assert not await react(transaction, message, people.davi, "❤\ufe0e", on=True)
        shown = (await read_page(transaction, general)).messages[-1]
        assert [emoji for emoji, _ in shown.reactions] == ["❤\ufe0f"]


@pytest.mark.parametrize("emoji", ["👍", "❤️", "👩‍👩‍👧", "👍🏽", "1️⃣", "🇧🇷", "✅", "‼️", "↔️", "〰️", SCOTLAND])
def test_an_emoji_is_an_emoji(emoji: str) -> None:
    assert check_emoji(emoji) == emoji


def test_an_emoji_of_the_picker_is_stored_as_it_is_in_every_tone() -> None:
    for language in ("en", "pt"):
        groups = json.loads((EMOJI_FILE.parent / f"emoji-{language}.json").read_text(encoding="utf-8"))
        lines = [line.split("\t") for group in groups for line in group]
        toned = [
            light.replace("🏻", tone)
            for _, _, _, _, light in (line for line in lines if len(line) == 5)
            for tone in "🏻🏼🏽🏾🏿"
        ]
        assert len(toned) > 1500
        assert [check_emoji(emoji) for emoji in toned] == toned
        assert len(toned) == len({*toned})
        assert max(map(len, toned)) <= 16


@pytest.mark.parametrize("text", ["", "a", "1", "<b>", "👍a", "👍" * 11, "\u202e", "\u200d", "\0", "^", "`", "¨", "°"])
def test_a_text_is_no_emoji(text: str) -> None:
    with pytest.raises(Invalid):
        check_emoji(text)


@pytest.mark.parametrize(
    "text", ["\u200b", "\u202e \u2066", "\x01\x02", " \n\t ", "\ufe0f\u0301", "\u2800", "\u3164 \u115f"]
)
async def test_a_text_that_nobody_can_see_is_empty(database: Database, text: str) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await get_room(transaction, people.ana, "general")
        with pytest.raises(Invalid):
            await say(transaction, general, people.ana, text)


@pytest.mark.parametrize("text", ["see #1 and #987654", "#1" + " #987654" * 30, "@Ana http://x.org/c/books/987654"])
async def test_a_text_is_rendered_once_though_a_record_is_not_there(
    database: Database, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    rendered = []

    async def count(typed: str, **options: Any) -> Rendered:
        rendered.append(typed)
        return await render_aside(typed, **options)

    monkeypatch.setattr("app.chat.text.rendering.render_aside", count)
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await get_room(transaction, people.ana, "general")
        message = await say(transaction, general, people.ana, text)
    assert rendered == [text]
    assert "/records/987654" not in message.html


async def test_words_under_a_file_can_be_taken_away(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await get_room(transaction, people.ana, "general")
        message = await say(transaction, general, people.ana, "A picture")
        with pytest.raises(Invalid):
            await edit_message(transaction, message, people.ana, text="", origin="")
        assert await edit_message(transaction, message, people.ana, text="", origin="", with_files=True)
        assert message.text == ""


async def test_an_archived_room_takes_no_edits_and_no_reactions(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.ana, name="Last year")
        message = await say(transaction, room, people.ana, "As it was")
        await archive_room(transaction, room, people.ana, archived=True)
        with pytest.raises(PageError) as edited:
            await edit_message(transaction, message, people.ana, text="As it never was", origin="")
        with pytest.raises(PageError) as reacted:
            await react(transaction, message, people.ana, "👍", on=True)
        assert (edited.value.status_code, reacted.value.status_code) == (403, 403)
        assert await delete_message(transaction, message, people.ana), "what one regrets can still go"


async def test_a_place_where_no_message_is_shows_the_nearest_ones(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.ana, name="Short")
        nothing = await read_page(transaction, room, around=7)
        assert (nothing.messages, nothing.older, nothing.newer) == ([], False, False)
        for number in range(60):
            await say(transaction, room, people.ana, str(number))
        for asked, first, last in (
            ({"around": 99_999}, 35, 60),
            ({"after": 60}, 11, 60),
            ({"after": 9999}, 11, 60),
            ({"before": 1}, 1, 50),
            ({"before": 9999}, 11, 60),
            ({"before": 11}, 1, 10),
            ({"after": 59}, 60, 60),
        ):
            page = await read_page(transaction, room, **asked)
            assert (page.messages[0].message.number, page.messages[-1].message.number) == (first, last), asked


async def test_a_reply_quotes_and_a_card_shows_the_record(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await get_room(transaction, people.ana, "general")
        first = await say(transaction, general, people.carla, "Where is **#40**?")
        answer, _ = await post_message(
            transaction, general, people.davi, key="a", text="Here", origin="", reply_to_id=first.id
        )
        shown = (await read_page(transaction, general)).messages
        assert shown[-1].quote
        assert (shown[-1].quote.author.name, shown[-1].quote.text, shown[-1].message.id) == (
            "Carla",
            "Where is #40?",
            answer.id,
        )
        assert [(card.place.title, card.place.state) for card in shown[-2].cards] == [("Dom Casmurro", "Lent")]
        other = await create_room(transaction, people.ana, name="Other")
        with pytest.raises(AnswerGone):  # a reply is to a message of the same room
            await post_message(
                transaction, other, people.ana, key="b", text="Elsewhere", origin="", reply_to_id=first.id
            )


async def test_pages_of_a_room_overlap_nowhere_and_miss_nothing(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await create_room(transaction, people.ana, name="Long")
        for number in range(1, 121):
            await say(transaction, room, people.ana, f"Line {number}")
        newest = await read_page(transaction, room)
        older = await read_page(transaction, room, before=newest.messages[0].message.number)
        oldest = await read_page(transaction, room, before=older.messages[0].message.number)
        numbers = [each.message.number for page in (oldest, older, newest) for each in page.messages]
        assert numbers == list(range(1, 121))
        assert [(page.older, page.newer) for page in (oldest, older, newest)] == [
            (False, True),
            (True, True),
            (True, False),
        ]
        around = await read_page(transaction, room, around=60)
        assert 60 in [each.message.number for each in around.messages]
        assert (await get_message(transaction, room, 60)).text == "Line 60"
        with pytest.raises(NotFoundException):
            await get_message(transaction, room, 121)


steps = st.lists(
    st.tuples(st.sampled_from(["say", "name", "delete", "read", "edit"]), st.integers(0, 3), st.integers(1, 12)),
    max_size=25,
)


@given(steps)
@settings(max_examples=30, deadline=None, suppress_health_check=list(HealthCheck))
async def test_what_is_unread_is_what_others_said_since_and_did_not_delete(
    database: Database, todo: list[tuple[str, int, int]]
) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        everybody = [people.ana, people.bruno, people.carla, people.davi]
        room = await create_room(transaction, people.ana, name="Counting")
        for person in everybody[1:]:
            await memberships.join(transaction, room, person)
        read = dict.fromkeys((person.id for person in everybody), 0)
        said: dict[int, tuple[Message, bool]] = {}
        for index, (what, who, number) in enumerate(todo):
            person = everybody[who]
            if what in ("say", "name"):
                text = f"@Davi {index}" if what == "name" else f"Words {index}"
                message = await say(transaction, room, person, text, f"{room.id} {index}")
                if read[person.id] == message.number - 1:
                    read[person.id] = message.number
                said[message.number] = (message, what == "name")
            elif what == "read":
                await mark_read_up_to(transaction, room, person, number)
                read[person.id] = max(read[person.id], min(number, room.last_number))
            elif number in said and what == "delete":
                await delete_message(transaction, said.pop(number)[0], people.ana)
            elif number in said:
                message, _ = said[number]
                author = next(each for each in everybody if each.id == message.member_id)
                await edit_message(transaction, message, author, text=f"Edited {index}", origin="")
                said[number] = (message, False)
        for person in everybody:
            new = [
                (message, named)
                for message, named in said.values()
                if message.number > read[person.id] and message.member_id != person.id
            ]
            named = sum(is_named for _, is_named in new) if person is people.davi else 0
            assert await unread(transaction, person, room) == (len(new), named)


@given(st.text(max_size=60))
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_text_breaks_the_search(database: Database, text: str) -> None:
    async with database.read(ACME) as transaction:
        people = await people_of(transaction)
        await search_messages(transaction, people.ana, text)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("shelf", 1),
        ("SHEL", 1),
        ('"Portuguese classics"', 1),
        ('"classics Portuguese"', 0),
        ("shelf nowhere", 0),
        ("neighbour promises", 1),
        ('" OR 1=1 --', 0),
        ("NEAR(shelf", 0),
        ("", 0),
        ("***", 0),
    ],
)
async def test_messages_are_found_by_words_and_phrases(database: Database, text: str, found: int) -> None:
    async with database.read(ACME) as transaction:
        people = await people_of(transaction)
        hits = await search_messages(transaction, people.davi, text)
        assert len(hits) == found, read_query(text)
        for hit in hits:
            assert any(is_match for _, is_match in hit.excerpt)


async def test_a_search_finds_by_author_room_and_nothing_of_another_workspace(database: Database) -> None:
    async with database.write(GLOBEX) as transaction:
        gil = await find_member(transaction, "gil@globex.test")
        assert gil
        assert await search_messages(transaction, gil, "shelf") == []
        general = await ensure_general(transaction)
        await say(transaction, general, gil, "A shelf of globex")
        assert len(await search_messages(transaction, gil, "shelf")) == 1
    async with database.read(ACME) as transaction:
        people = await people_of(transaction)
        general = await get_room(transaction, people.ana, "general")
        assert len(await search_messages(transaction, people.ana, "shelf", room=general)) == 1
        assert await search_messages(transaction, people.ana, "shelf", author_id=people.davi.id) == []
        assert len(await search_messages(transaction, people.ana, "shelf", author_id=people.ana.id)) == 1


async def test_a_discussion_is_open_to_all_and_in_the_sidebar_while_something_is_unread(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await open_discussion(transaction, "record-40", "Dom Casmurro")
        assert (await open_discussion(transaction, "record-40", "Another name")).id == room.id
        await memberships.add_membership(transaction, room, people.davi)
        message = await say(transaction, room, people.ana, "Is it back?")
        assert await unread(transaction, people.davi, room) == (1, 0)
        assert room.id not in {each.room.id for each in await list_joined(transaction, people.ana)}
        await mark_read_up_to(transaction, room, people.davi, message.number)
        assert room.id not in {each.room.id for each in await list_joined(transaction, people.davi)}
