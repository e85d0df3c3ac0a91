"""Locks, turns, requests and drafts, against a real database; the lease clock is moved by hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from sqlalchemy import delete, func, select

from app.accounts.audit import AuditEntry
from app.accounts.members import Member, find_member
from app.accounts.sessions import Session, add_session
from app.database import Actor, Database, Transaction
from app.editing import locks, turns, waiting
from app.editing.channels import delete_old_drafts
from app.editing.drafts import find_draft, keep_draft, settle_draft
from app.editing.rows import LEASE, Held, NoCredential, Proof
from app.editing.turns import LEFT_TURN, LONGEST_TURN, TURN
from app.editing.waiting_rows import ANSWER_WITHIN
from app.live.log import read_after
from app.records.changes import Changed, change_record
from app.records.collections import get_collection
from app.records.deleting import delete_record
from app.records.records import Record, get_record
from tests.fields import TITLE, YEAR, typed_of
from tests.sessions import sign_in

ACME = 1


async def book(transaction: Transaction, number: int = 40) -> Record:
    return await get_record(transaction, await get_collection(transaction, "books"), number)


async def member(transaction: Transaction, name: str) -> Member:
    found = await find_member(transaction, f"{name}@acme.test")
    assert found is not None
    return found


class Desk:
    """What people do with book 40, each in a transaction of its own."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def open(self, name: str, *, moving: int = 0) -> Proof | None:
        async with self.database.write(ACME) as transaction:
            row, person = await book(transaction), await sign_in(transaction, name)
            proof = await locks.take_lock(transaction, row, person, lease=LEASE, moving=moving)
            if proof is None and row.lock_member_id != person.id:
                await waiting.join_queue(transaction, row, person, LEASE)
            return proof

    async def renew(self, name: str, proof: Proof, version: int = 3) -> Proof | None:
        async with self.database.write(ACME) as transaction:
            row, person = await book(transaction), await sign_in(transaction, name)
            return await locks.renew_lock(transaction, row, person, proof, version, lease=LEASE)

    async def release(self, name: str, proof: Proof) -> bool:
        async with self.database.write(ACME) as transaction:
            return await locks.release_lock(
                transaction, await book(transaction), await sign_in(transaction, name), proof
            )

    async def ask(self, name: str) -> None:
        async with self.database.write(ACME) as transaction:
            await waiting.request_lock(transaction, await book(transaction), await sign_in(transaction, name), LEASE)

    async def take_over(self, name: str) -> Proof | None:
        async with self.database.write(ACME) as transaction:
            row, person = await book(transaction), await sign_in(transaction, name)
            return await locks.take_over(transaction, row, person, lease=LEASE)

    async def lapse(self) -> bool:
        async with self.database.write(ACME) as transaction:
            return await locks.lapse(transaction, await book(transaction))

    async def stay(self, name: str) -> bool:
        async with self.database.write(ACME) as transaction:
            row, person = await book(transaction), await sign_in(transaction, name)
            return await waiting.keep_waiting(transaction, row, person, LEASE)

    async def prolong(self, name: str) -> int | None:
        async with self.database.write(ACME) as transaction:
            row, person = await book(transaction), await sign_in(transaction, name)
            return await turns.prolong_turn(transaction, row, person)

    async def leave_page(self, name: str) -> bool:
        async with self.database.write(ACME) as transaction:
            return await waiting.leave_page(transaction, await book(transaction), await sign_in(transaction, name))

    async def leave_at_turn(self, name: str) -> None:
        async with self.database.write(ACME) as transaction:
            row, person = await book(transaction), await sign_in(transaction, name)
            assert await waiting.leave_queue(transaction, row, person)
            await turns.shorten_turn(transaction, row, person)

    async def save(self, name: str, proof: Proof | None, version: int = 3, **values: str) -> bool:
        async with self.database.write(ACME) as transaction:
            row, person = await book(transaction), await sign_in(transaction, name)
            collection = await get_collection(transaction, "books")
            return await change_record(
                transaction, collection, row, typed_of(row, **values), person, version=version, proof=proof
            )

    async def holder(self) -> tuple[str | None, bool]:
        async with self.database.read(ACME) as transaction:
            row = await book(transaction)
            return row.lock_name, row.lock_offered

    async def line(self) -> list[tuple[str, str]]:
        async with self.database.read(ACME) as transaction:
            return [(each.name, each.state) for each in await waiting.list_queue(transaction, await book(transaction))]


@pytest.fixture
def desk(database: Database) -> Desk:
    return Desk(database)


async def test_the_first_who_opens_gets_the_lock_and_the_others_wait_in_order(desk: Desk) -> None:
    assert (await desk.open("ana") or Proof()).token == 1
    assert await desk.open("carla") is None
    assert await desk.open("davi") is None
    assert await desk.holder() == ("Ana", False)
    assert await desk.line() == [("Carla", "waiting"), ("Davi", "waiting")]


async def test_the_token_grows_with_each_acquisition_and_never_falls(desk: Desk) -> None:
    tokens = []
    for name in ("ana", "carla", "ana", "davi"):
        proof = await desk.open(name)
        assert proof is not None
        tokens.append(proof.token)
        await desk.release(name, proof)
    assert tokens == sorted(set(tokens))


async def test_a_lease_that_is_renewed_lasts_and_one_that_is_not_ends(
    desk: Desk, wait: Callable[[float], None]
) -> None:
    proof = await desk.open("ana")
    assert proof
    for _ in range(5):
        wait(LEASE - 1)
        assert await desk.renew("ana", proof) == proof
    assert await desk.open("carla") is None
    await desk.stay("carla")
    wait(LEASE + 1)
    assert (await desk.open("davi") or Proof()).token == proof.token + 1, "nobody waits: Carla's page has gone, too"
    assert await desk.renew("ana", proof) is None


async def test_a_lease_that_ended_is_taken_up_again_if_nobody_has_had_the_lock(
    desk: Desk, wait: Callable[[float], None]
) -> None:
    proof = await desk.open("ana")
    assert proof
    wait(LEASE * 3)
    assert await desk.lapse()
    assert await desk.holder() == (None, False)
    again = await desk.renew("ana", proof)
    assert again
    assert again.token == proof.token + 1
    assert again.secret != proof.secret
    assert await desk.holder() == ("Ana", False)


async def test_a_renewal_that_arrives_after_the_lock_was_given_back_does_not_take_it_up_again(desk: Desk) -> None:
    proof = await desk.open("ana")
    assert proof
    assert await desk.release("ana", proof)
    assert await desk.renew("ana", proof) is None
    proof = await desk.open("ana")
    assert proof
    assert not await desk.save("ana", proof)  # nothing new: the record is at the same version
    assert await desk.renew("ana", proof) is None
    assert await desk.holder() == (None, False)


async def test_a_lease_is_not_taken_up_again_over_a_change_of_the_record(
    desk: Desk, wait: Callable[[float], None]
) -> None:
    proof = await desk.open("ana")
    assert proof
    wait(LEASE + 1)
    await desk.lapse()
    assert await desk.save("carla", None, year="1900")
    assert await desk.renew("ana", proof, version=3) is None


async def test_a_clock_set_back_does_not_lock_anybody_out(desk: Desk, wait: Callable[[float], None]) -> None:
    assert await desk.open("ana")
    wait(-3600)
    assert await desk.open("carla") is not None


async def test_whose_turn_it_is_has_a_minute_to_begin_before_the_next_is_asked(
    desk: Desk, wait: Callable[[float], None]
) -> None:
    proof = await desk.open("ana")
    assert proof
    for name in ("carla", "davi"):
        await desk.open(name)
    await desk.release("ana", proof)
    assert await desk.holder() == ("Carla", True)
    assert await desk.open("davi") is None
    assert await desk.open("bruno") is None, "nobody passes the line"
    assert TURN >= 60
    for seconds in (TURN / 3, TURN / 3, TURN / 3 + 0.1):
        assert not await desk.lapse()
        wait(seconds)
        assert await desk.stay("carla")
        assert await desk.stay("davi")
        assert await desk.stay("bruno")
    assert await desk.lapse()
    assert await desk.holder() == ("Davi", True)
    assert await desk.line() == [("Carla", "missed"), ("Davi", "called"), ("Bruno", "waiting")]
    assert await desk.open("davi") is not None
    assert await desk.holder() == ("Davi", False)


async def test_a_turn_goes_on_while_its_page_is_in_front_but_not_for_ever(
    desk: Desk, wait: Callable[[float], None]
) -> None:
    proof = await desk.open("ana")
    assert proof
    await desk.open("carla")
    await desk.release("ana", proof)
    assert await desk.prolong("ana") is None, "it is not her turn"
    for _ in range((LONGEST_TURN - TURN) // 20):
        wait(20)
        await desk.stay("carla")
        assert await desk.prolong("carla") == TURN
    wait(TURN - 1)
    await desk.stay("carla")
    assert await desk.prolong("carla") == 1, "others wait, too"
    assert not await desk.lapse()
    wait(1.1)
    assert await desk.prolong("carla") is None
    assert await desk.lapse()
    assert await desk.line() == [("Carla", "missed")]


async def test_whoever_leaves_the_page_at_their_turn_does_not_keep_the_others_waiting(
    desk: Desk, wait: Callable[[float], None]
) -> None:
    proof = await desk.open("ana")
    assert proof
    for name in ("carla", "davi"):
        await desk.open(name)
    await desk.release("ana", proof)
    await desk.leave_at_turn("carla")
    wait(LEFT_TURN - 1)
    assert not await desk.lapse()
    wait(1.1)
    assert await desk.lapse()
    assert await desk.holder() == ("Davi", True)


async def test_who_is_at_turn_can_write_only_after_beginning(desk: Desk) -> None:
    proof = await desk.open("ana")
    assert proof
    await desk.open("carla")
    await desk.release("ana", proof)
    for name in ("carla", "ana", "davi"):
        with pytest.raises(Held):
            await desk.save(name, replace(proof, token=proof.token + 1), year="1900")


async def test_who_left_is_not_called(desk: Desk, wait: Callable[[float], None]) -> None:
    proof = await desk.open("ana")
    assert proof
    await desk.open("carla")
    wait(LEASE - 5)
    await desk.open("davi")
    await desk.renew("ana", proof)
    wait(10)
    await desk.release("ana", proof)
    assert await desk.holder() == ("Davi", True)


async def test_the_last_page_that_is_left_ends_the_waiting(desk: Desk) -> None:
    await desk.open("ana")
    await desk.open("carla")
    await desk.open("davi")
    await desk.open("carla")  # in another tab, or reloaded
    assert not await desk.leave_page("carla")
    assert await desk.line() == [("Carla", "waiting"), ("Davi", "waiting")]
    assert await desk.stay("carla")
    assert await desk.leave_page("carla")
    assert await desk.line() == [("Davi", "waiting")]
    assert not await desk.leave_page("carla")


async def test_who_asks_waits_with_the_page_that_is_opened_next(desk: Desk) -> None:
    await desk.open("ana")
    await desk.ask("carla")
    await desk.open("carla")
    assert await desk.leave_page("carla")
    assert await desk.line() == []


async def test_who_waits_again_after_a_missed_turn_waits_with_the_pages_of_before(
    desk: Desk, wait: Callable[[float], None]
) -> None:
    proof = await desk.open("ana")
    assert proof
    await desk.open("carla")
    await desk.open("davi")
    await desk.release("ana", proof)
    wait(TURN - 1)
    await desk.stay("carla")
    await desk.stay("davi")
    wait(1.1)
    assert await desk.lapse()
    assert await desk.line() == [("Carla", "missed"), ("Davi", "called")]
    await desk.open("carla")
    assert not await desk.leave_page("carla"), "the page in which it was missed"
    assert await desk.line() == [("Davi", "called"), ("Carla", "waiting")]


async def test_an_asker_may_take_over_after_30_seconds_without_an_answer_and_not_before(
    desk: Desk, wait: Callable[[float], None]
) -> None:
    proof = await desk.open("ana")
    assert proof
    await desk.ask("carla")
    assert await desk.take_over("carla") is None
    wait(ANSWER_WITHIN - 1)
    await desk.renew("ana", proof)
    assert await desk.take_over("carla") is None
    wait(2)
    assert await desk.take_over("carla") is not None
    assert await desk.holder() == ("Carla", False)
    with pytest.raises(Held):
        await desk.save("ana", proof, year="1900")


async def test_an_asker_who_was_answered_does_not_get_it(
    desk: Desk, database: Database, wait: Callable[[float], None]
) -> None:
    proof = await desk.open("ana")
    assert proof
    await desk.ask("carla")
    async with database.write(ACME) as transaction:
        row = await book(transaction)
        (carla,) = await waiting.list_queue(transaction, row)
        assert await waiting.refuse_request(transaction, row, carla.id)
    wait(ANSWER_WITHIN + 5)
    await desk.renew("ana", proof)
    assert await desk.take_over("carla") is None


async def test_a_new_holder_was_not_asked_what_the_one_before_was(desk: Desk, wait: Callable[[float], None]) -> None:
    proof = await desk.open("ana")
    assert proof
    await desk.open("davi")
    await desk.ask("carla")
    wait(ANSWER_WITHIN - 10)
    await desk.stay("carla")
    await desk.stay("davi")
    await desk.release("ana", proof)
    assert await desk.open("davi")
    wait(11)
    assert await desk.take_over("carla") is None


@pytest.mark.parametrize(
    ("holder", "taker", "allowed"),
    [
        ("carla", "bruno", True),
        ("carla", "ana", True),
        ("bruno", "ana", True),
        ("ana", "bruno", False),
        ("carla", "davi", False),
    ],
)
async def test_admins_take_over_at_once_but_not_from_a_higher_role(
    desk: Desk, database: Database, holder: str, taker: str, allowed: bool
) -> None:
    proof = await desk.open(holder)
    assert (await desk.take_over(taker) is not None) == allowed
    async with database.read(ACME) as transaction:
        entries = list(await transaction.scalars(select(AuditEntry)))
    if allowed:
        (entry,) = entries
        assert (entry.what, entry.subject, entry.before.lower(), entry.after.lower(), entry.address) == (
            "edit.taken-over",
            "/c/books/40",
            holder,
            taker,
            "127.0.0.1",
        )
    else:
        assert entries == []
        assert await desk.renew(holder, proof or Proof()) == proof


async def test_whoever_has_risen_since_is_not_taken_over_from(desk: Desk, database: Database) -> None:
    proof = await desk.open("carla")
    async with database.write(ACME) as transaction:
        (await member(transaction, "carla")).role = "owner"
    assert await desk.take_over("bruno") is None
    assert await desk.renew("carla", proof or Proof()) == proof


async def test_handing_over_makes_it_the_askers_turn_whoever_else_waits(desk: Desk, database: Database) -> None:
    proof = await desk.open("ana")
    assert proof
    await desk.open("davi")
    await desk.ask("carla")
    async with database.write(ACME) as transaction:
        row, ana = await book(transaction), await sign_in(transaction, "ana")
        carla = next(each for each in await waiting.list_queue(transaction, row) if each.name == "Carla")
        assert not await locks.hand_over(transaction, row, ana, replace(proof, token=proof.token + 1), carla.id)
        assert await locks.hand_over(transaction, row, ana, proof, carla.id)
    assert await desk.holder() == ("Carla", True)
    assert await desk.line() == [("Davi", "waiting"), ("Carla", "called")]


async def test_the_same_person_goes_on_in_another_tab_only_by_saying_so(desk: Desk) -> None:
    first = await desk.open("ana")
    assert first
    assert await desk.open("ana") is None
    second = await desk.open("ana", moving=first.token)
    assert second
    assert second.token == first.token + 1
    assert await desk.renew("ana", first) is None
    with pytest.raises(Held):
        await desk.save("ana", first, year="1900")
    assert await desk.save("ana", second, year="1900")


async def test_who_guesses_numbers_gets_nothing(desk: Desk, database: Database) -> None:
    proof = await desk.open("ana")
    assert proof
    assert len(proof.secret) == 32, "128 random bits"
    for guess in (Proof(proof.token), Proof(proof.token, "0" * 32), Proof.read(str(proof.token)), Proof.read("")):
        for name in ("ana", "bruno", "carla"):
            assert await desk.renew(name, guess) is None
            assert not await desk.release(name, guess)
            with pytest.raises(Held):
                await desk.save(name, guess, year="1900")
    assert await desk.renew("ana", proof) == proof


async def test_a_proof_is_worth_nothing_to_another_member_also_when_the_lease_has_ended(
    desk: Desk, wait: Callable[[float], None]
) -> None:
    proof = await desk.open("ana")
    assert proof
    wait(LEASE + 1)
    assert await desk.lapse()
    assert await desk.renew("carla", proof) is None
    assert await desk.renew("ana", proof) is not None


async def test_a_lock_belongs_to_the_session_that_took_it(desk: Desk, database: Database) -> None:
    proof = await desk.open("ana")
    assert proof
    async with database.write(ACME) as transaction:
        ana = await member(transaction, "ana")
        await add_session(transaction, ana, address="127.0.0.1", agent="another browser")
        other = await transaction.scalar(select(func.max(Session.id)))
        transaction.actor = Actor("page", member_id=ana.id, session_id=other)
        row = await book(transaction)
        assert await locks.renew_lock(transaction, row, ana, proof, 3, lease=LEASE) is None
        assert not await locks.release_lock(transaction, row, ana, proof)
    assert await desk.renew("ana", proof) == proof


async def test_without_a_session_there_is_no_lock_and_no_place_in_line(desk: Desk, database: Database) -> None:
    proof = await desk.open("carla")
    assert proof
    async with database.write(ACME) as transaction:
        row, ana = await book(transaction), await member(transaction, "ana")
        for attempt in (
            locks.take_lock(transaction, row, ana, lease=LEASE),
            locks.renew_lock(transaction, row, ana, proof, 3, lease=LEASE),
            locks.take_over(transaction, row, ana, lease=LEASE),
            waiting.join_queue(transaction, row, ana, LEASE),
        ):
            with pytest.raises(NoCredential):
                await attempt
    assert await desk.holder() == ("Carla", False)


async def test_a_session_that_has_ended_meanwhile_takes_no_lock(desk: Desk, database: Database) -> None:
    async with database.write(ACME) as transaction:
        row, ana = await book(transaction), await sign_in(transaction, "ana")
        await transaction.execute(delete(Session).where(Session.id == transaction.actor.session_id))
        assert await locks.take_lock(transaction, row, ana, lease=LEASE) is None
    assert await desk.holder() == (None, False)


async def test_another_members_token_moves_nothing(desk: Desk) -> None:
    proof = await desk.open("ana")
    assert proof
    assert await desk.open("carla", moving=proof.token) is None
    assert await desk.renew("carla", proof) is None
    assert not await desk.release("carla", proof)
    with pytest.raises(Held):
        await desk.save("carla", proof, year="1900")


async def test_saving_frees_the_lock_and_calls_the_next(desk: Desk) -> None:
    proof = await desk.open("ana")
    assert proof
    await desk.open("carla")
    assert await desk.save("ana", proof, year="1900")
    assert await desk.holder() == ("Carla", True)


async def test_saving_nothing_new_frees_the_lock_too(desk: Desk) -> None:
    proof = await desk.open("ana")
    assert proof
    assert not await desk.save("ana", proof)
    assert await desk.holder() == (None, False)


async def test_an_expired_lock_still_saves_while_nobody_has_had_it(desk: Desk, wait: Callable[[float], None]) -> None:
    proof = await desk.open("ana")
    assert proof
    wait(LEASE * 2)
    assert await desk.save("ana", proof, year="1900")


async def test_a_deleted_record_has_no_lock_and_nobody_in_line(
    desk: Desk, database: Database, wait: Callable[[float], None]
) -> None:
    await desk.open("ana")
    await desk.open("carla")
    wait(LEASE + 1)
    async with database.write(ACME) as transaction:
        books = await get_collection(transaction, "books")
        row, davi = await book(transaction), await member(transaction, "davi")
        await delete_record(transaction, books, row, davi, version=3)
    async with database.read(ACME) as transaction:
        row = await get_record(transaction, await get_collection(transaction, "books"), 40, deleted=True)
        assert row.lock_member_id is None
        assert await waiting.list_queue(transaction, row) == []


async def test_a_change_of_hands_is_told_once_however_often_it_was_noted(desk: Desk, database: Database) -> None:
    proof = await desk.open("ana")
    assert proof
    async with database.read(ACME) as transaction:
        before = transaction.tenant.cursor
    await desk.save("ana", proof, year="1900")
    async with database.read(ACME) as transaction:
        row = await book(transaction)
        events = await read_after(transaction, before)
    banners = [event for event in events if f'id="record-{row.id}-lock"' in event.body]
    assert [event.channel for event in banners] == [f"record.{row.id}"]
    assert "has been editing" not in banners[0].body


class Typing:
    """Drafts of book 40."""

    def __init__(self, database: Database) -> None:
        self.database = database

    async def keep(self, name: str, token: int | None, *, late: bool = False, **values: str) -> bool:
        async with self.database.write(ACME) as transaction:
            row, person = await book(transaction), await member(transaction, name)
            refs = {"title": TITLE, "year": YEAR}
            typed = {refs[key]: text for key, text in values.items()}
            return await keep_draft(
                transaction, row, person, typed, saved=typed_of(row), token=token, version=3, late=late
            )

    async def read(self, name: str) -> dict[str, str] | None:
        async with self.database.read(ACME) as transaction:
            draft = await find_draft(transaction, await book(transaction), await member(transaction, name))
            return draft.values if draft else None

    async def settle(self, name: str) -> bool:
        async with self.database.write(ACME) as transaction:
            return await settle_draft(transaction, await book(transaction), await member(transaction, name))


@pytest.fixture
def typing(database: Database) -> Typing:
    return Typing(database)


async def test_a_draft_is_its_authors_alone(typing: Typing) -> None:
    assert await typing.keep("ana", 1, title="Mine")
    assert await typing.read("ana") == {TITLE: "Mine"}
    assert await typing.read("carla") is None


async def test_a_draft_of_an_older_page_does_not_overwrite_a_newer_ones(typing: Typing) -> None:
    assert await typing.keep("ana", 2, title="Newer")
    assert not await typing.keep("ana", 1, title="Older")
    assert await typing.read("ana") == {TITLE: "Newer"}


async def test_what_arrives_after_saving_does_not_bring_the_draft_back(desk: Desk, typing: Typing) -> None:
    proof = await desk.open("ana")
    assert proof
    await typing.keep("ana", proof.token, year="1900")
    assert await desk.save("ana", proof, year="1900")
    assert await typing.read("ana") is None
    assert not await typing.keep("ana", proof.token, year="1900 and a bit")
    assert await typing.read("ana") is None
    newer = await desk.open("ana")
    assert newer
    assert await typing.keep("ana", newer.token, year="1901")


async def test_what_a_page_typed_without_a_network_is_kept_after_another_page_has_saved(
    desk: Desk, typing: Typing
) -> None:
    laptop = await desk.open("ana")
    assert laptop
    phone = await desk.open("ana", moving=laptop.token)
    assert phone
    assert await desk.save("ana", phone, year="1900")
    assert not await typing.keep("ana", laptop.token, year="1901")
    assert await typing.keep("ana", laptop.token, year="1901", late=True)
    assert await typing.read("ana") == {YEAR: "1901"}


async def test_what_a_page_typed_without_a_network_does_not_overwrite_another_pages_draft(
    desk: Desk, typing: Typing
) -> None:
    laptop = await desk.open("ana")
    assert laptop
    phone = await desk.open("ana", moving=laptop.token)
    assert phone
    assert await typing.keep("ana", phone.token, year="1900")
    assert not await typing.keep("ana", laptop.token, year="1901", late=True)
    assert await typing.read("ana") == {YEAR: "1900"}


async def test_text_that_is_what_is_saved_is_no_draft(typing: Typing) -> None:
    await typing.keep("ana", 1, title="Something else")
    await typing.keep("ana", 1, title="Dom Casmurro")
    assert await typing.read("ana") is None
    assert await typing.keep("ana", 1, title="And again")
    assert await typing.read("ana") == {TITLE: "And again"}


async def test_a_draft_survives_losing_the_lock_and_what_another_saves(
    desk: Desk, typing: Typing, wait: Callable[[float], None]
) -> None:
    proof = await desk.open("carla")
    assert proof
    await typing.keep("carla", proof.token, year="1901")
    taken = await desk.take_over("bruno")
    assert taken
    assert await desk.save("bruno", taken, year="1900")
    assert await typing.keep("carla", proof.token, year="1902"), "the last that she typed arrives late"
    assert await typing.read("carla") == {YEAR: "1902"}
    with pytest.raises(Changed):
        await desk.save("carla", proof, year="1902")


async def test_a_discarded_draft_is_gone(typing: Typing) -> None:
    await typing.keep("ana", 1, title="Mine")
    assert await typing.settle("ana")
    assert await typing.read("ana") is None
    assert not await typing.settle("ana")


async def test_drafts_are_deleted_after_30_days(
    database: Database, typing: Typing, monkeypatch: pytest.MonkeyPatch
) -> None:
    from datetime import timedelta

    from app.editing import channels

    await typing.keep("ana", 1, title="Mine")
    for days, kept in ((29, True), (31, False)):
        later = channels.now() + timedelta(days=days)
        with monkeypatch.context() as patch:
            patch.setattr(channels, "now", lambda later=later: later)
            async with database.write(ACME) as transaction:
                await delete_old_drafts(transaction, 100)
        assert (await typing.read("ana") is not None) == kept
