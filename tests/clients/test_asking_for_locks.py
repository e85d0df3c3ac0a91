"""The client in Python asks whoever holds a lock to hand over."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest

import mutirao_client.locks
from mutirao_client import HeldRecord, LockLost, Mutirao, ProblemError, Record
from tests.clients.conftest import Connect
from tests.conftest import Server

Asking = Callable[[Mutirao, int, float], "Future[Record]"]


@pytest.fixture
def asking() -> Any:
    """Lets a script ask for a lock meanwhile, and change the record when it has it."""
    with ThreadPoolExecutor(1) as pool:

        def ask(team: Mutirao, number: int, wait: float) -> Future[Record]:
            def change() -> Record:
                with team.lock("books", number, wait=wait, ask=True) as book:
                    return book.change(notes="By who asked")

            return pool.submit(change)

        yield ask


@pytest.fixture(autouse=True)
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """How it stands is asked for often."""
    monkeypatch.setattr(mutirao_client.locks, "ASK_EVERY", 0.05)


def list_asked(held: HeldRecord, after: int) -> list[int]:
    """Who has asked whoever holds a lock since a cursor; waits until somebody has."""
    own = {"after": after, "wait": 20, "channels": "user.1"}
    items = held.client.call("GET", "events", parameters=own)["items"]
    return [each["data"]["waiting"] for each in items if each["kind"] == "lock.asked"]


@pytest.mark.parametrize("wait", [0, 0.1])
def test_what_gets_no_answer_is_taken_over_however_short_the_wait(
    shared_server: Server, connect: Connect, asking: Asking, wait: float
) -> None:
    team, other = connect(), connect("bruno@acme.test")
    number = team.add("books", {"title": "Asked for", "author": "A script"}).number
    with team.lock("books", number) as book:
        begin = team.call("GET", "events")["next"]
        asked = asking(other, number, wait)
        assert list_asked(book, begin)
        shared_server.store.rows("UPDATE waiting SET asked_at = asked_at - 31000 WHERE asked_at IS NOT NULL")
        assert asked.result(20).values["notes"] == "By who asked"
        with pytest.raises(LockLost):
            book.change(notes="Too late")


def test_who_asks_is_handed_the_lock(connect: Connect, asking: Asking) -> None:
    team, other = connect(), connect("bruno@acme.test")
    number = team.add("books", {"title": "Handed over", "author": "A script"}).number
    with team.lock("books", number) as book:
        begin = team.call("GET", "events")["next"]
        asked = asking(other, number, 0)
        (waiting,) = list_asked(book, begin)
        team.call("POST", f"{book.path}/lock/hand-over", body={"waiting": waiting}, headers={"lock": book.proof})
        assert asked.result(20).version == 2


@pytest.mark.parametrize("wait", [0, 1])
def test_who_is_refused_is_told_so_and_asks_once(connect: Connect, asking: Asking, wait: float) -> None:
    team, other = connect(), connect("bruno@acme.test")
    number = team.add("books", {"title": "Kept", "author": "A script"}).number
    with team.lock("books", number) as book:
        begin = team.call("GET", "events")["next"]
        asked = asking(other, number, wait)
        (waiting,) = list_asked(book, begin)
        team.call("POST", f"{book.path}/lock/keep", body={"waiting": waiting}, headers={"lock": book.proof})
        with pytest.raises(ProblemError) as refused:
            asked.result(20)
        assert refused.value.code == "locked"
        standing = team.call("GET", f"{book.path}/lock")
        assert (standing["requests"], standing["waiting"]) == ([], 0)
        assert list_asked(book, begin) == [waiting]
        assert book.change(notes="Still mine").version == 2


def test_nobody_asks_themselves(connect: Connect, asking: Asking) -> None:
    team, other = connect(), connect()
    number = team.add("books", {"title": "My own", "author": "A script"}).number
    with team.lock("books", number), pytest.raises(ProblemError) as refused:
        asking(other, number, 0).result(20)
    assert refused.value.code == "locked"
