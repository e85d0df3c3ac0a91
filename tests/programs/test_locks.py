"""Programs keep to locks: theirs, those of other programs, and those of pages."""

from __future__ import annotations

import re
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest

from app.database import now
from tests.conftest import Server
from tests.programs.conftest import API, LetIn, add_token, call_with, problem_of

RECORDS = f"{API}/collections/books/records"
CHANGE = {"values": {"notes": "Changed"}}


async def add(program: httpx.AsyncClient) -> str:
    answer = await program.post(RECORDS, json={"values": {"title": "A book", "author": "Someone"}})
    return f"{RECORDS}/{answer.json()['number']}"


async def take(program: httpx.AsyncClient, path: str) -> dict[str, Any]:
    answer = await program.post(f"{path}/lock")
    assert answer.status_code == 201, answer.text
    taken: dict[str, Any] = answer.json()
    return taken


async def test_one_holds_it_and_the_others_are_told_who(ana: httpx.AsyncClient, carla: httpx.AsyncClient) -> None:
    path = await add(ana)
    taken = await take(ana, path)
    assert taken["lease"] == 60
    for program in (carla, ana):
        refused = await program.post(f"{path}/lock")
        assert problem_of(refused) == (423, "locked")
        assert refused.json()["holder"] == {"id": 1, "name": "Ana", "program": "nightly", "bot": False}
        assert refused.json()["until"] >= refused.json()["since"]
    for headers in ({}, {"lock": "1-" + "0" * 32}, {"lock": "x"}):
        answer = await carla.patch(path, json=CHANGE, headers={"if-match": '"1"', **headers})
        assert problem_of(answer) == (423, "locked")
        answer = await ana.patch(path, json=CHANGE, headers={"if-match": '"1"', **headers})
        assert problem_of(answer) == (423, "locked"), "the lock has to be shown"
    stolen = await carla.patch(path, json=CHANGE, headers={"if-match": '"1"', "lock": taken["lock"]})
    assert problem_of(stolen) == (423, "locked"), "it proves nothing for another"
    standing = (await carla.get(f"{path}/lock")).json()
    assert (standing["state"], standing["mine"], standing["holder"]["program"]) == ("held", False, "nightly")
    assert (await ana.get(f"{path}/lock")).json()["mine"]
    held = {"if-match": '"1"', "lock": taken["lock"]}
    assert (await ana.patch(path, json=CHANGE, headers=held)).json()["version"] == 2
    assert (await carla.post(f"{path}/lock")).status_code == 423, "it is held on after a change"
    assert (await ana.patch(f"{path}/lock", headers={"lock": taken["lock"]})).json()["lease"] == 60
    assert (await ana.delete(f"{path}/lock", headers={"lock": taken["lock"]})).status_code == 204
    assert (await carla.get(f"{path}/lock")).json()["state"] == "free"
    assert problem_of(await ana.patch(f"{path}/lock", headers={"lock": taken["lock"]})) == (409, "lock-lost")


async def test_a_member_reads_on_pages_that_it_is_their_own_script_and_can_edit_instead(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient, shared_server: Server
) -> None:
    path = await add(ana)
    taken = await take(ana, path)
    number = path.rpartition("/")[2]
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as page:
        for shown in (
            (await page.get(f"/c/books/{number}")).text,
            (await page.get(f"/c/books/{number}/edit")).text,
            (await page.post(f"/c/books/{number}/delete", data={"version": "1"})).text,
        ):
            assert "Your script “nightly” is editing this." in shown
            assert "in another tab" not in shown
            assert "It is your turn" not in shown
        instead = re.search(r'href="([^"]+/edit\?lock=[0-9]+)"', (await page.get(f"/c/books/{number}")).text)
        assert instead
        assert "record-form" in (await page.get(instead[1])).text
        held = {"if-match": '"1"', "lock": taken["lock"]}
        assert problem_of(await ana.patch(path, json=CHANGE, headers=held)) == (423, "locked")


async def test_a_place_in_line_of_a_script_is_not_said_to_be_the_member_s(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient, shared_server: Server
) -> None:
    path = await add(ana)
    taken = await take(carla, path)
    assert (await ana.post(f"{path}/lock", json={"wait": True})).status_code == 202
    number = path.rpartition("/")[2]
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as page:
        shown = (await page.get(f"/c/books/{number}")).text
        assert "Your script “nightly” is in line to edit this." in shown
        assert "You are next in line." not in shown
        assert "in line to edit" not in (await page.get("/")).text
        assert (await carla.delete(f"{path}/lock", headers={"lock": taken["lock"]})).status_code == 204
        shown = (await page.get(f"/c/books/{number}")).text
        assert "Your script “nightly” is next in line to edit this." in shown
        assert "It is your turn" not in shown
        assert "your turn" not in (await page.get("/")).text.partition("<main")[2]


async def test_a_member_reads_that_their_own_script_has_changed_what_they_save_over(
    ana: httpx.AsyncClient, shared_server: Server
) -> None:
    path = await add(ana)
    number = path.rpartition("/")[2]
    assert (await ana.patch(path, json=CHANGE, headers={"if-match": '"1"'})).status_code == 200
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as page:
        refused = await page.post(f"/c/books/{number}/delete", data={"version": "1"})
        assert refused.status_code == 409
        assert "Your script “nightly” changed this" in refused.text
        assert "You changed this somewhere else" not in refused.text


async def test_what_is_wrong_is_said_in_this_order_and_nothing_is_written(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    path = await add(ana)
    taken = await take(ana, path)
    wrong = {"values": {"year": "no year"}}

    async def change(program: httpx.AsyncClient, version: int, **headers: str) -> tuple[int, str]:
        answer = await program.patch(path, json=wrong, headers={"if-match": f'"{version}"', **headers})
        return problem_of(answer)

    assert await change(carla, 9) == (423, "locked")
    assert await change(ana, 9, lock=taken["lock"]) == (412, "version-changed")
    assert await change(ana, 1, lock=taken["lock"]) == (422, "invalid")
    assert (await ana.get(path)).json()["version"] == 1


async def test_a_lock_that_proves_nothing_is_lost_also_while_nobody_holds_it(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    path = await add(ana)
    number = int(path.rpartition("/")[2])
    taken = await take(ana, path)
    standing = (await carla.get(f"{path}/lock")).json()
    over = await ana.post(f"{path}/lock/take-over", json={"holding": standing["holding"]})
    assert over.status_code == 201
    assert (await ana.delete(f"{path}/lock", headers={"lock": over.json()["lock"]})).status_code == 204
    for lock in (taken["lock"], over.json()["lock"], "1-" + "0" * 32, "x", ""):
        for version in (1, 9):
            headers = {"if-match": f'"{version}"', "lock": lock}
            assert problem_of(await ana.patch(path, json=CHANGE, headers=headers)) == (409, "lock-lost")
            assert problem_of(await ana.delete(path, headers=headers)) == (409, "lock-lost")
        row = {"number": number, "version": 1, "lock": lock, **CHANGE}
        answer = (await ana.post(f"{RECORDS}/changes", json={"records": [row]})).json()["items"][0]
        assert (answer["status"], answer["problem"]["code"]) == (409, "lock-lost")
    assert (await ana.get(path)).json()["version"] == 1
    assert (await ana.patch(path, json=CHANGE, headers={"if-match": '"1"'})).status_code == 200


async def test_who_leaves_the_line_at_their_turn_keeps_nobody_waiting(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    path = await add(ana)
    taken = await take(ana, path)
    assert (await carla.post(f"{path}/lock", json={"wait": True})).status_code == 202
    assert (await ana.delete(f"{path}/lock", headers={"lock": taken["lock"]})).status_code == 204
    assert (await carla.get(f"{path}/lock")).json()["place"]["state"] == "called"
    assert (await carla.delete(f"{path}/lock")).status_code == 204
    await take(ana, path)


async def test_a_token_that_reaches_its_end_lets_go_of_all_that_it_has(
    shared_server: Server, ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    path = await add(ana)
    token_id, secret = add_token(shared_server, "acme", "bruno@acme.test")
    ends_at = now() + timedelta(seconds=3)
    shared_server.store.rows("UPDATE token SET ends_at = ? WHERE id = ?", ends_at, token_id)
    async with aclosing(call_with(shared_server, "acme", secret)) as bruno:
        taken = await take(bruno, path)
        assert 0 <= taken["lease"] < 3
        assert datetime.fromisoformat(taken["until"]) <= ends_at
        cursor = (await bruno.get(f"{API}/events")).json()["next"]
        waiting = bruno.get(f"{API}/events", params={"after": cursor, "wait": 30, "channels": "user.2"})
        assert problem_of(await waiting) == (401, "unauthorized")
        assert now() < ends_at + timedelta(seconds=1)
        await take(carla, path)


async def test_a_line_forms_and_each_has_a_turn(ana: httpx.AsyncClient, carla: httpx.AsyncClient) -> None:
    path = await add(ana)
    taken = await take(ana, path)
    waits = await carla.post(f"{path}/lock", json={"wait": True})
    assert waits.status_code == 202
    place = waits.json()["place"]
    assert place == {"position": 1, "state": "waiting", "lease": place["lease"], "request": None}
    assert 55 < place["lease"] <= 60
    assert waits.json()["holder"]["name"] == "Ana"
    assert (await carla.patch(f"{path}/lock")).status_code == 202, "the place is kept"
    assert (await carla.get(f"{path}/lock")).json()["place"]["position"] == 1
    assert (await carla.post(f"{path}/lock", json={"wait": True})).status_code == 202
    assert (await ana.delete(f"{path}/lock", headers={"lock": taken["lock"]})).status_code == 204
    standing = (await carla.get(f"{path}/lock")).json()
    assert (standing["state"], standing["place"]["state"]) == ("offered", "called")
    assert (await ana.post(f"{path}/lock")).status_code == 423, "it is somebody's turn"
    turn = await carla.post(f"{path}/lock", json={"wait": True})
    assert turn.status_code == 201
    assert (await carla.delete(f"{path}/lock", headers={"lock": turn.json()["lock"]})).status_code == 204
    await take(ana, path)
    await carla.post(f"{path}/lock", json={"wait": True})
    assert (await carla.delete(f"{path}/lock")).status_code == 204
    assert (await carla.get(f"{path}/lock")).json()["place"] is None
    assert problem_of(await carla.patch(f"{path}/lock")) == (409, "lock-lost")


async def test_a_place_in_line_says_how_long_it_is_kept_by_now(
    shared_server: Server, ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    path = await add(ana)
    taken = await take(ana, path)
    token_id, secret = add_token(shared_server, "acme", "bruno@acme.test")
    ends_at = now() + timedelta(seconds=20)
    shared_server.store.rows("UPDATE token SET ends_at = ? WHERE id = ?", ends_at, token_id)
    async with aclosing(call_with(shared_server, "acme", secret)) as bruno:
        waits = await bruno.post(f"{path}/lock", json={"wait": True})
        assert 0 < waits.json()["place"]["lease"] < 20, "it ends with its token"
        shared_server.store.rows("UPDATE waiting SET until = until - 10000 WHERE program_id = ?", token_id)
        assert 0 < (await bruno.get(f"{path}/lock")).json()["place"]["lease"] < 10, "some of it is over"
        assert 10 < (await bruno.patch(f"{path}/lock")).json()["place"]["lease"] < 20, "it was kept"
        assert (await ana.delete(f"{path}/lock", headers={"lock": taken["lock"]})).status_code == 204
        shared_server.store.rows("UPDATE waiting SET until = until + 60000 WHERE program_id = ?", token_id)
        place = (await bruno.get(f"{path}/lock")).json()["place"]
        assert (place["state"], place["lease"] < 20) == ("called", True), "a turn lasts as long as it can be taken"
        assert (await bruno.delete(f"{path}/lock")).status_code == 204


async def test_a_turn_does_not_outlast_what_one_waits_with(
    shared_server: Server, ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    path = await add(ana)
    taken = await take(ana, path)
    token_id, secret = add_token(shared_server, "acme", "bruno@acme.test")
    ends_at = now() + timedelta(seconds=20)
    shared_server.store.rows("UPDATE token SET ends_at = ? WHERE id = ?", ends_at, token_id)
    async with aclosing(call_with(shared_server, "acme", secret)) as bruno:
        assert (await bruno.post(f"{path}/lock", json={"wait": True})).status_code == 202
        assert (await carla.post(f"{path}/lock", json={"wait": True})).status_code == 202
        assert (await ana.delete(f"{path}/lock", headers={"lock": taken["lock"]})).status_code == 204
        standing = (await carla.get(f"{path}/lock")).json()
        assert (standing["state"], standing["holder"]["name"]) == ("offered", "Bruno")
        assert datetime.fromisoformat(standing["until"]) <= ends_at
        assert (await bruno.delete(f"{path}/lock")).status_code == 204


async def test_a_page_and_a_program_never_hold_it_both(
    shared_server: Server, ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    path = await add(ana)
    number = path.rpartition("/")[2]
    async with aclosing(shared_server.let_in("acme", "bruno@acme.test")) as bruno:
        page = (await bruno.get(f"/c/books/{number}/edit")).text
        proof = re.search(r'name="lock-token" value="([^"]+)"', page)
        assert proof
        refused = await carla.patch(path, json=CHANGE, headers={"if-match": '"1"'})
        assert problem_of(refused) == (423, "locked")
        assert refused.json()["holder"] == {"id": 2, "name": "Bruno", "program": None, "bot": False}
        assert (await carla.delete(path, headers={"if-match": '"1"'})).status_code == 423
        await bruno.post(f"/c/books/{number}/lock/release", data={"lock-token": proof[1]})
        taken = await take(carla, path)
        shown = (await bruno.get(f"/c/books/{number}/edit")).text
        assert "Carla, with the script “mirror” has been editing" in shown
        saved = await bruno.post(f"/c/books/{number}/edit", data={"title": "By a page", "author": "A", "version": "1"})
        assert saved.status_code == 409
        over = await bruno.post(
            f"/c/books/{number}/lock/take-over", data={"seen-lock": taken["lock"].partition("-")[0]}
        )
        assert over.status_code == 303
        late = await carla.patch(path, json=CHANGE, headers={"if-match": '"1"', "lock": taken["lock"]})
        assert problem_of(late) == (423, "locked")
        assert problem_of(await carla.patch(f"{path}/lock", headers={"lock": taken["lock"]})) == (409, "lock-lost")


async def test_a_record_is_deleted_under_ones_own_lock(ana: httpx.AsyncClient) -> None:
    path = await add(ana)
    taken = await take(ana, path)
    assert (await ana.delete(path, headers={"if-match": '"1"'})).status_code == 423
    assert (await ana.delete(path, headers={"if-match": '"1"', "lock": taken["lock"]})).status_code == 204


async def test_a_lock_without_a_change_is_not_held_for_ever(shared_server: Server, ana: httpx.AsyncClient) -> None:
    path = await add(ana)
    taken = await take(ana, path)
    long_ago = "2020-01-01 00:00:00+00"
    number = path.rpartition("/")[2]
    shared_server.store.rows(
        f"UPDATE record SET lock_since = '{long_ago}', updated_at = '{long_ago}' WHERE tenant_id = 1 AND number = ?",
        int(number),
    )
    assert problem_of(await ana.patch(f"{path}/lock", headers={"lock": taken["lock"]})) == (409, "lock-lost")


async def test_a_lock_that_stays_is_not_said_to_be_freed(
    shared_server: Server, ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    path = await add(ana)
    taken = await take(ana, path)
    for program, lock in ((carla, taken["lock"]), (ana, "1-" + "0" * 32), (ana, "x")):
        assert problem_of(await program.delete(f"{path}/lock", headers={"lock": lock})) == (409, "lock-lost")
    assert (await carla.get(f"{path}/lock")).json()["state"] == "held"
    for _ in range(2):  # an answer may be lost
        assert (await ana.delete(f"{path}/lock", headers={"lock": taken["lock"]})).status_code == 204
    over = await take(carla, path)
    assert problem_of(await ana.delete(f"{path}/lock", headers={"lock": taken["lock"]})) == (409, "lock-lost")
    await end_lease(shared_server, path)
    assert (await ana.delete(f"{path}/lock", headers={"lock": taken["lock"]})).status_code == 204
    assert (await carla.delete(f"{path}/lock", headers={"lock": over["lock"]})).status_code == 204


async def end_lease(server: Server, path: str) -> None:
    """As if the lease of a record's lock, or somebody's turn, had ended by now."""
    moment = server.store.read_lease_clock() - 1
    server.store.rows(
        "UPDATE record SET lock_until = ? WHERE tenant_id = 1 AND number = ? AND collection_id ="
        " (SELECT id FROM collection WHERE tenant_id = 1 AND slug = 'books')",
        *(moment, int(path.rpartition("/")[2])),
    )


@pytest.mark.parametrize("method", ["PATCH", "GET"])
async def test_who_keeps_their_place_is_called_when_a_lease_ends_though_nobody_has_a_page_open(
    shared_server: Server, let_in: LetIn, ana: httpx.AsyncClient, carla: httpx.AsyncClient, method: str
) -> None:
    bruno = await let_in("bruno@acme.test")
    path = await add(ana)
    await take(ana, path)
    for program in (carla, bruno):
        assert (await program.post(f"{path}/lock", json={"wait": True})).status_code == 202
    await end_lease(shared_server, path)
    answer = (await carla.request(method, f"{path}/lock")).json()
    assert answer["place"]["state"] == "called"
    assert answer["holder"]["name"] == "Carla"
    assert (await carla.get(f"{path}/lock")).json()["state"] == "offered"
    assert (await ana.post(f"{path}/lock")).status_code == 423
    await end_lease(shared_server, path)  # Carla did not come
    answer = (await bruno.request(method, f"{path}/lock")).json()
    assert answer["place"]["state"] == "called"
    assert (await carla.get(f"{path}/lock")).json()["place"]["state"] == "missed"
    taken = await take(bruno, path)
    assert (await bruno.delete(f"{path}/lock", headers={"lock": taken["lock"]})).status_code == 204


async def test_a_page_that_keeps_its_place_without_a_socket_is_called_likewise(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    path = await add(ana)
    number = path.rpartition("/")[2]
    await take(ana, path)
    async with aclosing(shared_server.let_in("acme", "bruno@acme.test")) as bruno:
        assert "record-form" not in (await bruno.get(f"/c/books/{number}/edit")).text
        await end_lease(shared_server, path)
        assert (await bruno.post(f"/c/books/{number}/queue/stay")).status_code == 204
        standing = (await ana.get(f"{path}/lock")).json()
        assert (standing["state"], standing["holder"]["name"]) == ("offered", "Bruno")
