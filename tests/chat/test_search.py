"""Searching messages: what is typed is only ever words, and what is found is true, visible and marked."""

from __future__ import annotations

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.accounts.members import find_member
from app.chat import memberships
from app.chat.message_changes import delete_message, edit_message
from app.chat.messages import Message
from app.chat.new_rooms import create_room, ensure_general, open_direct, open_discussion
from app.chat.references import MessageIndex
from app.chat.room_changes import archive_room
from app.chat.rooms import Room
from app.chat.search import HITS, MOST_SEARCH_WORDS, Hit, excerpt, read_query, search_messages
from app.database import Database, Transaction, now
from tests.chat.test_messages import ACME, GLOBEX, People, people_of, say
from tests.chat.text.test_markdown import plain_text
from tests.statements import noting_statements

# What FTS5 would read as its own language, and what is dear to other languages.
SYNTAX = st.sampled_from(
    [
        *('"', '""', "*", "^", "-", "+", "(", ")", "{", "}", ":", ",", "'", ";", "--", "%", "_", "\\", "\0", " "),
        *("text:", "rowid:", "tenant_id:2", "AND", "OR", "NOT", "NEAR", "NEAR(", "NEAR/2", "x*"),
        *("²", "\u0301", "\u202e", "🌱", "ã"),
    ]
)
HOSTILE = st.lists(st.one_of(SYNTAX, st.text(max_size=4)), max_size=12).map("".join)


async def make_room(transaction: Transaction, people: People, *texts: str) -> Room:
    """A private room of Ana and Carla in which Ana has said these texts."""
    room = await create_room(transaction, people.ana, name="Searching", private=True)
    await memberships.invite(transaction, room, people.ana, people.carla)
    for text in texts:
        await say(transaction, room, people.ana, text)
    return room


def texts_of(hits: list[Hit]) -> list[str]:
    return [hit.message.text for hit in hits]


@pytest.mark.parametrize(
    ("typed", "found"),
    [
        ("aquisição", True),
        ("AQUISICAO", True),
        ("aquis", True),
        ("aquis chegou", False),
        ("chegou aquis", True),
        ("cheg aquisicao", False),  # only the last word may go on
        ("quisicao", False),
        ('"nova aquisição"', True),
        ('"aquisição nova"', False),
        ('"nova aquis"', False),  # a phrase is closed
        ('"nova aquis', True),  # this one is still being typed
        ('"nova aquisição" bibl', True),
        ('bibl "nova aquisição"', False),
        ("nova-aquisição", True),
        ("aquisicao nada", False),
        ("-nova", True),
        ("nova OR nada", False),
        ("NOT nova", False),
        ("text:nova", False),
        ("tenant_id:1", False),
    ],
)
async def test_every_word_has_to_be_there_whatever_its_case_and_accents(
    database: Database, typed: str, found: bool
) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        await make_room(transaction, people, "A nova aquisição chegou à biblioteca")
        assert bool(await search_messages(transaction, people.carla, typed)) == found, read_query(typed)


@pytest.mark.parametrize("typed", ["lodz", "Łódź", "ŁÓDŹ", "LODZ", "kobenhavn", "kız", "kiz", '"w lodzi"'])
async def test_letters_with_strokes_are_found_by_those_without_and_the_other_way_round(
    database: Database, typed: str
) -> None:
    said = "Łódź, w Łodzi; København, KIZ"
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        await make_room(transaction, people, said, "nothing")
        (hit,) = await search_messages(transaction, people.carla, typed)
        assert hit.message.text == said
        assert any(is_match for _, is_match in hit.excerpt), "and they are marked"


@pytest.mark.parametrize(
    "word", ["AND", "OR", "NOT", "NEAR", "NEAR(x", "a:b", "x*y", "{braces}", "C++", "don't", "1-2"]
)
async def test_a_word_that_means_something_to_the_index_is_a_word(database: Database, word: str) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        await make_room(transaction, people, f"before {word} after", "before after")
        assert texts_of(await search_messages(transaction, people.carla, f"before {word}")) == [f"before {word} after"]


@given(HOSTILE)
@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
async def test_no_syntax_breaks_the_search_nor_finds_beyond_ones_rooms(database: Database, typed: str) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        statement = select(Room).where(Room.slug == "searching")
        room = (await transaction.scalars(statement)).one_or_none() or await make_room(transaction, people, "A secret")
        for hit in await search_messages(transaction, people.davi, typed):
            assert hit.room.id != room.id
        for hit in await search_messages(transaction, people.ana, typed, room=room):
            assert hit.room.id == room.id


@given(st.text(min_size=1, max_size=80), st.data())
@settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))
async def test_what_was_said_is_found_by_any_of_its_plain_words(
    database: Database, noise: str, data: st.DataObject
) -> None:
    words = data.draw(st.lists(st.from_regex(r"[a-z]{3,8}", fullmatch=True), min_size=1, max_size=6))
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        text = " ".join([*words, noise.replace("\0", "").strip()])
        message = await say(transaction, general, people.ana, text, f"property {general.last_number}")
        word = data.draw(st.sampled_from(words))
        for typed in (word, word.upper(), f'"{word}"', word[:2], " ".join(words[:MOST_SEARCH_WORDS])):
            hits = await search_messages(transaction, people.davi, typed)
            assert len(hits) == HITS or message.id in {hit.message.id for hit in hits}, (typed, text)


@given(st.text(max_size=600), HOSTILE)
@settings(max_examples=150, deadline=None)
def test_an_excerpt_is_a_stretch_of_what_was_said_and_marks_only_whole_pieces(content: str, typed: str) -> None:
    pieces = list(excerpt(plain_text(content), typed))
    shown = "".join(text for text, _ in pieces)
    plain = unicodedata.normalize("NFC", plain_text(content))
    assert len(shown) <= 202
    assert shown in plain or shown.removeprefix("…").removesuffix("…") in plain
    assert all(text for text, is_match in pieces if is_match)


async def test_a_hit_says_who_said_it_where_and_marks_the_words_as_text(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await make_room(transaction, people, "<b onclick=x>The gramophone</b> & **more**")
        (hit,) = await search_messages(transaction, people.carla, "gramo")
        assert (hit.room.id, hit.author_id, hit.author) == (room.id, people.ana.id, "Ana")
        assert [text for text, is_match in hit.excerpt if is_match] == ["gramophone"]
        assert "".join(text for text, _ in hit.excerpt) == "<b onclick=x>The gramophone</b> & more"


async def test_the_excerpt_of_a_long_message_is_around_what_was_found(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        await make_room(transaction, people, f"{'early ' * 400} gramophone {'late ' * 400}")
        (hit,) = await search_messages(transaction, people.carla, "gramophone")
        assert ("gramophone", True) in hit.excerpt
        shown = "".join(text for text, _ in hit.excerpt)
        assert shown.startswith("…")
        assert shown.endswith("…")
        assert "early" in shown
        assert "late" in shown


async def test_edits_and_deletions_are_found_at_once_and_leave_nothing_in_the_index(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await make_room(transaction, people, "The gramophone", "The piano")
        messages = (await transaction.scalars(select(Message).where(Message.room_id == room.id))).all()
        first, second = sorted(messages, key=lambda message: message.number)
        for text in ("The harp", "The lute"):
            await edit_message(transaction, first, people.ana, text=text, origin="")
        assert await search_messages(transaction, people.carla, "gramophone") == []
        assert await search_messages(transaction, people.carla, "harp") == []
        assert texts_of(await search_messages(transaction, people.carla, "lute")) == ["The lute"]
        await delete_message(transaction, second, people.ana)
        assert await search_messages(transaction, people.carla, "piano") == []
        kept = set(await transaction.scalars(select(Message.id).where(Message.deleted_at.is_(None))))
        indexed = list(await transaction.scalars(select(MessageIndex.rowid)))
        assert len(indexed) == len(set(indexed))
        assert set(indexed) == kept


async def test_an_undone_transaction_leaves_nothing_to_be_found(database: Database) -> None:
    with pytest.raises(RuntimeError):
        async with database.write(ACME) as transaction:
            people = await people_of(transaction)
            await make_room(transaction, people, "The gramophone")
            raise RuntimeError
    async with database.read(ACME) as transaction:
        assert await search_messages(transaction, people.ana, "gramophone") == []


async def test_a_search_keeps_to_a_room_an_author_and_a_span_of_time(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await make_room(transaction, people)
        other = await create_room(transaction, people.ana, name="Other")
        noon = datetime(2026, 3, 10, 12, tzinfo=UTC)
        for where, who, hours in ((room, people.ana, -1), (room, people.carla, 0), (other, people.ana, 1)):
            message = await say(transaction, where, who, f"gramophone {hours}")
            message.created_at = noon + timedelta(hours=hours)
        await transaction.flush()

        async def found(**limits: object) -> list[str]:
            hits = await search_messages(transaction, people.ana, "gramophone", **limits)  # type: ignore[arg-type]
            return [text.removeprefix("gramophone ") for text in texts_of(hits)]

        assert await found() == ["1", "0", "-1"]
        assert await found(room=room) == ["0", "-1"]
        assert await found(author_id=people.carla.id) == ["0"]
        assert await found(author_id=people.davi.id) == []
        assert await found(since=noon) == ["1", "0"]
        assert await found(until=noon) == ["-1"]
        assert await found(since=noon, until=noon + timedelta(hours=1)) == ["0"]
        assert await found(room=other, author_id=people.carla.id) == []


async def test_the_newest_hits_come_first_and_not_too_many(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        await make_room(transaction, people, *(f"gramophone {number}" for number in range(HITS + 5)))
        hits = await search_messages(transaction, people.carla, "gramophone")
        assert [hit.message.number for hit in hits] == list(range(HITS + 5, 4, -1)), "one more than a page shows"
        older = await search_messages(transaction, people.carla, "gramophone", before=hits[HITS - 1].message.id)
        assert [hit.message.number for hit in older] == [5, 4, 3, 2, 1]


async def test_hits_of_others_do_not_take_the_place_of_ones_own(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        await say(transaction, general, people.ana, "One gramophone for all")
        await make_room(transaction, people, *(f"gramophone {number}" for number in range(HITS + 5)))
        assert texts_of(await search_messages(transaction, people.davi, "gramophone")) == ["One gramophone for all"]


async def test_direct_rooms_are_found_by_those_in_them_and_discussions_by_all(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        direct = await open_direct(transaction, [people.ana, people.davi])
        await say(transaction, direct, people.davi, "A gramophone between us")
        discussion = await open_discussion(transaction, "record-2", "A book")
        await say(transaction, discussion, people.ana, "A gramophone about it")
        assert len(await search_messages(transaction, people.ana, "gramophone")) == 2
        assert texts_of(await search_messages(transaction, people.bruno, "gramophone")) == ["A gramophone about it"]


async def test_what_people_said_who_left_since_is_still_found(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        room = await make_room(transaction, people, "The gramophone")
        people.ana.removed_at = now()
        await archive_room(transaction, room, people.bruno, archived=True)
        (hit,) = await search_messages(transaction, people.carla, "gramophone")
        assert hit.author == "Ana"


async def test_workspaces_find_only_what_was_said_in_them(database: Database) -> None:
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        general = await ensure_general(transaction)
        message = await say(transaction, general, people.ana, "The gramophone of acme")
        ana_id = people.ana.id
    async with database.write(GLOBEX) as transaction:
        gil = await find_member(transaction, "gil@globex.test")
        assert gil
        theirs = await ensure_general(transaction)
        await say(transaction, theirs, gil, "The gramophone of globex")
        for limits in ({}, {"room": general}, {"author_id": ana_id}, {"room": theirs}):
            hits = await search_messages(transaction, gil, "gramophone", **limits)
            assert set(texts_of(hits)) <= {"The gramophone of globex"}
        assert len(await search_messages(transaction, gil, "gramophone")) == 1
        rows = await transaction.scalars(select(MessageIndex).where(MessageIndex.rowid == message.id))
        assert rows.all() == []


@pytest.mark.parametrize(
    ("said", "typed", "marked"),
    [
        ("A ação começa", "acao", "ação"),
        ("Uma acao antiga", "AÇÃO", "acao"),
        ("O cafe\u0301 frio", "café", "café"),
        ("Straße nach Süden", "suden", "Süden"),
    ],
)
def test_an_excerpt_marks_words_whatever_their_accents(said: str, typed: str, marked: str) -> None:
    pieces = list(excerpt(said, typed))
    assert "".join(text for text, _ in pieces) == unicodedata.normalize("NFC", said)
    assert [text for text, found in pieces if found] == [marked]


@pytest.mark.sqlite
async def test_the_index_is_asked_from_the_newest_on_and_for_no_more_than_is_shown(database: Database) -> None:
    """Sorting what it finds, or looking each message up among it, would take as long as the workspace is old."""
    async with database.write(ACME) as transaction:
        people = await people_of(transaction)
        await make_room(transaction, people, *(f"number {number}" for number in range(5)))
    async with database.read(ACME) as transaction:
        people = await people_of(transaction)
        with noting_statements() as asked:
            hits = await search_messages(transaction, people.ana, "number")
        statement, parameters = asked[-1]
        connection = await transaction.connection()
        plan = (await connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)).all()
    assert texts_of(hits) == [f"number {number}" for number in reversed(range(5))]
    steps = " / ".join(step.detail for step in plan)
    assert "SCAN message_index VIRTUAL TABLE" in steps
    assert "TEMP B-TREE" not in steps
