"""Programs ask whoever holds a record to hand over, answer who asks them, and take over by the rules of pages."""

from __future__ import annotations

import re
from contextlib import aclosing
from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.programs.conftest import API, LetIn, problem_of
from tests.programs.test_locks import CHANGE, add, take


@pytest.fixture
async def davi(let_in: LetIn) -> httpx.AsyncClient:
    return await let_in("davi@acme.test", name="count")


def let_time_for_an_answer_pass(server: Server) -> None:
    server.store.rows("UPDATE waiting SET asked_at = asked_at - 31000 WHERE asked_at IS NOT NULL")


async def ask(program: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await program.post(f"{path}/lock", json={"ask": True})
    assert answer.status_code == 202, answer.text
    asked: dict[str, Any] = answer.json()
    return asked


async def list_told(program: httpx.AsyncClient, begin: int, kind: str) -> list[dict[str, Any]]:
    """What a program that follows everything was told of a kind."""
    events = (await program.get(f"{API}/events", params={"after": begin, "limit": 200})).json()["items"]
    return [each["data"] for each in events if each["kind"] == kind]


async def newest(program: httpx.AsyncClient) -> int:
    cursor: int = (await program.get(f"{API}/events")).json()["next"]
    return cursor


async def test_who_has_asked_takes_over_after_30_seconds_and_not_before(
    shared_server: Server, carla: httpx.AsyncClient, davi: httpx.AsyncClient
) -> None:
    path = await add(carla)
    taken = await take(carla, path)
    begin = await newest(carla)
    seen = (await davi.get(f"{path}/lock")).json()["holding"]
    refused = await davi.post(f"{path}/lock/take-over", json={"holding": seen})
    assert problem_of(refused) == (423, "locked"), "who has not asked"
    assert refused.json()["holding"] == seen
    assert (await ask(davi, path))["place"]["request"] == "asked"
    await ask(davi, path)
    (told,) = await list_told(carla, begin, "lock.asked")
    assert told["program"] == "count", "asked once, and by whom"
    (asking,) = (await carla.get(f"{path}/lock")).json()["requests"]
    assert (asking["name"], asking["program"], asking["waiting"]) == ("Davi", "count", told["waiting"])
    assert (await davi.get(f"{path}/lock")).json()["requests"] == [], "for the holder alone"
    early = await davi.post(f"{path}/lock/take-over", json={"holding": seen})
    assert problem_of(early) == (423, "locked")
    let_time_for_an_answer_pass(shared_server)
    assert (await davi.get(f"{path}/lock")).json()["place"]["request"] == "unanswered"
    over = await davi.post(f"{path}/lock/take-over", json={"holding": seen})
    assert over.status_code == 201, over.text
    assert len(await list_told(carla, begin, "lock.lost")) == 1
    late = await carla.patch(path, json=CHANGE, headers={"if-match": '"1"', "lock": taken["lock"]})
    assert problem_of(late) == (423, "locked")
    held = {"if-match": '"1"', "lock": over.json()["lock"]}
    assert (await davi.patch(path, json=CHANGE, headers=held)).status_code == 200


async def test_who_was_answered_does_not_get_it_until_it_is_handed_over(
    shared_server: Server, carla: httpx.AsyncClient, davi: httpx.AsyncClient
) -> None:
    path = await add(carla)
    taken = await take(carla, path)
    asked = await ask(davi, path)
    (asking,) = (await carla.get(f"{path}/lock")).json()["requests"]
    proof = {"lock": taken["lock"]}
    for name in ("keep", "hand-over"):
        body = {"waiting": asking["waiting"]}
        assert problem_of(await carla.post(f"{path}/lock/{name}", json=body)) == (409, "lock-lost"), "without a proof"
        assert problem_of(await davi.post(f"{path}/lock/{name}", json=body, headers=proof)) == (409, "lock-lost")
    kept = await carla.post(f"{path}/lock/keep", json={"waiting": asking["waiting"]}, headers=proof)
    assert kept.json()["requests"] == []
    assert (await davi.get(f"{path}/lock")).json()["place"]["request"] == "kept"
    let_time_for_an_answer_pass(shared_server)
    over = await davi.post(f"{path}/lock/take-over", json={"holding": asked["holding"]})
    assert problem_of(over) == (423, "locked")
    handed = await carla.post(f"{path}/lock/hand-over", json={"waiting": asking["waiting"]}, headers=proof)
    assert (handed.json()["state"], handed.json()["holder"]["name"]) == ("offered", "Davi")
    assert (await davi.post(f"{path}/lock")).status_code == 201


async def test_an_admin_takes_over_at_once_but_not_from_a_higher_role_and_not_another_holding(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient, let_in: LetIn
) -> None:
    bruno = await let_in("bruno@acme.test", name="sweep")
    path = await add(ana)
    await take(carla, path)
    seen = (await bruno.get(f"{path}/lock")).json()["holding"]
    assert problem_of(await bruno.post(f"{path}/lock/take-over", json={"holding": seen - 1})) == (423, "locked")
    assert (await bruno.post(f"{path}/lock/take-over", json={"holding": seen})).status_code == 201
    seen = (await ana.get(f"{path}/lock")).json()["holding"]
    assert (await ana.post(f"{path}/lock/take-over", json={"holding": seen})).status_code == 201
    seen = (await ana.get(f"{path}/lock")).json()["holding"]
    assert problem_of(await bruno.post(f"{path}/lock/take-over", json={"holding": seen})) == (423, "locked")
    entries = (await ana.get(f"{API}/audit", params={"what": "edit.taken-over"})).json()["items"]
    assert [(each["before"], each["after"]) for each in entries[:2]] == [("Bruno", "Ana"), ("Carla", "Bruno")]


async def test_one_takes_over_from_ones_own_page(shared_server: Server, carla: httpx.AsyncClient) -> None:
    path = await add(carla)
    number = path.rpartition("/")[2]
    async with aclosing(shared_server.let_in("acme", "carla@acme.test")) as page:
        await page.get(f"/c/books/{number}/edit")
        refused = await carla.post(f"{path}/lock", json={"ask": True})
        assert refused.status_code == 202
        assert refused.json()["place"]["request"] is None, "nobody asks themselves"
        over = await carla.post(f"{path}/lock/take-over", json={"holding": refused.json()["holding"]})
        assert over.status_code == 201


async def test_a_page_that_holds_sees_which_program_asks_and_hands_over(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    path = await add(ana)
    number = path.rpartition("/")[2]
    async with aclosing(shared_server.let_in("acme", "carla@acme.test")) as page:
        edited = (await page.get(f"/c/books/{number}/edit")).text
        proof = re.search(r'name="lock-token" value="([^"]+)"', edited)
        assert proof
        await ask(ana, path)
        shown = (await page.get(f"/c/books/{number}/edit?lock={proof[1].partition('-')[0]}")).text
        assert "Ana, with the script “nightly” asks to edit" in shown
        proof = re.search(r'name="lock-token" value="([^"]+)"', shown)
        waiting = re.search(r'form="hand-over" name="waiting" value="(\d+)"', shown)
        assert proof
        assert waiting
        form = {"lock-token": proof[1], "waiting": waiting[1]}
        assert (await page.post(f"/c/books/{number}/lock/hand-over", data=form)).status_code == 303
    assert (await ana.post(f"{path}/lock")).status_code == 201


async def test_a_program_that_holds_is_asked_and_taken_over_from_by_a_page(
    shared_server: Server, carla: httpx.AsyncClient
) -> None:
    path = await add(carla)
    number = path.rpartition("/")[2]
    await take(carla, path)
    begin = await newest(carla)
    async with aclosing(shared_server.let_in("acme", "davi@acme.test")) as page:
        assert (await page.post(f"/c/books/{number}/lock/ask")).status_code == 303
        (asked,) = await list_told(carla, begin, "lock.asked")
        assert asked["program"] is None
        waits = (await page.get(f"/c/books/{number}/edit")).text
        assert "Carla, with the script “mirror” was asked" in waits
        let_time_for_an_answer_pass(shared_server)
        holding = (await carla.get(f"{path}/lock")).json()["holding"]
        over = await page.post(f"/c/books/{number}/lock/take-over", data={"seen-lock": str(holding)})
        assert over.status_code == 303
    (lost,) = await list_told(carla, begin, "lock.lost")
    assert lost["row"] == asked["row"]
