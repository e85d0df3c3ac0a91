"""A button that ends something, pressed again as its answer was lost, leads to where it led the first time."""

from __future__ import annotations

import html
import re
from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest

from tests.conftest import Server


@pytest.fixture
async def ana(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as client:
        yield client


def read_form(page: httpx.Response, action: str) -> dict[str, str]:
    """What the form with an action sends by itself."""
    assert page.status_code == 200, page.text
    for form in re.findall(r"<form\b.*?</form>", page.text, re.DOTALL):
        if f'action="{action}"' in form.partition(">")[0]:
            inputs = [
                dict(re.findall(r'([\w-]+)="([^"]*)"', each)) for each in re.findall(r"<(?:input|button)[^>]*>", form)
            ]
            return {each["name"]: html.unescape(each.get("value", "")) for each in inputs if "name" in each}
    raise AssertionError(f"no form for {action}")


async def press_twice(client: httpx.AsyncClient, page: str, action: str, **more: str) -> httpx.Response:
    """Press a button twice that is on a page; both answers are the same."""
    form = {**read_form(await client.get(page), action), **more}
    first = await client.post(action, data=form)
    again = await client.post(action, data=form)
    assert first.status_code == 303, first.text
    assert (again.status_code, again.headers.get("location")) == (303, first.headers["location"]), again.text
    shown = await client.get(again.headers["location"])
    assert shown.status_code == 200
    return shown


async def test_an_announcement_is_withdrawn(shared_server: Server, ana: httpx.AsyncClient) -> None:
    await ana.post("/announcements", data={"title": "Of no use", "text": "Soon withdrawn"})
    number = shared_server.store.rows("SELECT max(id) FROM announcement")[0][0]
    page = f"/announcements/{number}/withdraw"
    shown = await press_twice(ana, page, page)
    assert "withdrawn" in shown.text
    assert (await ana.get(f"/announcements/{number}")).status_code == 404
    assert (await ana.post(page)).status_code == 404, "another page's button is another one"


async def test_an_invitation_is_revoked(shared_server: Server, ana: httpx.AsyncClient) -> None:
    await ana.post("/members/links", data={"role": "member", "uses": "2", "days": "1"})
    number = shared_server.store.rows("SELECT max(id) FROM invitation")[0][0]
    page = f"/members/invitations/{number}/revoke"
    await press_twice(ana, page, page)
    assert (await ana.post(page)).status_code == 404


async def test_a_session_is_ended(shared_server: Server, ana: httpx.AsyncClient) -> None:
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")):
        number = shared_server.store.rows("SELECT max(id) FROM session")[0][0]
        await press_twice(ana, "/account/security", f"/account/sessions/{number}/end")
    assert (await ana.post(f"/account/sessions/{number}/end")).status_code == 404


async def test_all_other_sessions_are_ended(ana: httpx.AsyncClient) -> None:
    await press_twice(ana, "/account/sessions/end-others", "/account/sessions/end-others")


async def test_a_private_room_is_left_by_its_last(ana: httpx.AsyncClient) -> None:
    made = await ana.post("/chat/new", data={"name": "Left twice", "private": "yes"})
    room = made.headers["location"].partition("?")[0]
    await press_twice(ana, f"{room}/about", f"{room}/leave")


async def test_somebody_is_taken_out_of_a_room(shared_server: Server, ana: httpx.AsyncClient) -> None:
    made = await ana.post("/chat/new", data={"name": "Taken out twice", "private": "yes"})
    room = made.headers["location"].partition("?")[0]
    carla = shared_server.store.rows("SELECT id FROM member WHERE email = 'carla@acme.test'")[0][0]
    await ana.post(f"{room}/invite", data={"person": f"#{carla}"})
    form = {**read_form(await ana.get(f"{room}/about"), f"{room}/remove"), "person": str(carla)}
    first, again = [await ana.post(f"{room}/remove", data=form) for _ in range(2)]
    assert (first.status_code, again.status_code) == (303, 303), again.text


async def test_a_member_is_suspended_let_in_again_and_removed(shared_server: Server, ana: httpx.AsyncClient) -> None:
    davi = shared_server.store.rows("SELECT id FROM member WHERE email = 'davi@acme.test'")[0][0]
    page = f"/members/{davi}"
    await press_twice(ana, f"{page}/suspend", f"{page}/suspend")
    await press_twice(ana, page, f"{page}/restore")
    await press_twice(ana, f"{page}/remove", f"{page}/remove")


async def test_an_undo_is_taken_up(ana: httpx.AsyncClient) -> None:
    made = await ana.post("/chat/new", data={"name": "Undone twice"})
    room = made.headers["location"].partition("?")[0]
    left = await ana.post(f"{room}/leave")
    shown = await ana.get(left.headers["location"])
    offer = re.search(r'action="(/undo/\d+)"', shown.text)
    assert offer
    await press_twice(ana, left.headers["location"], offer[1])
