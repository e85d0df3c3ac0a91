"""Ctrl+K leads anywhere, and does what one can do from anywhere: to whoever may."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from html import unescape
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from tests.conftest import Server
from tests.test_isolation import list_routes

CALL = {"x-page": "1"}
Found = dict[str, list[str]]


@pytest.fixture
async def people(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(shared_server.let_in("acme", f"{name}@acme.test")))
            for name in ("ana", "carla")
        }


async def find(client: httpx.AsyncClient, text: str = "", recent: tuple[str, ...] = ()) -> Found:
    """What the box shows: titles by the headings of their groups, in order."""
    query = [("q", text), *(("recent", key) for key in recent)]
    answer = await client.get("/quick-switcher", params=query, headers=CALL)
    assert answer.status_code == 200
    groups = re.split(r'<p class="heading"[^>]*>', answer.text)[1:]
    titles = r'<span class="title">(.*?)</span>'
    return {
        unescape(group.partition("</p>")[0]): [unescape(each) for each in re.findall(titles, group)] for group in groups
    }


async def test_before_anything_is_typed_it_offers_acts_and_pages(people: dict[str, httpx.AsyncClient]) -> None:
    found = await find(people["ana"])
    assert list(found) == ["Actions", "Pages", "Collections", "Rooms"]
    assert found["Actions"][:2] == ["New record in Books", "New room"]
    assert found["Actions"][-1] == "Sign out"
    assert found["Pages"][:3] == ["Home", "Notifications", "Rooms"]


async def test_it_finds_pages_settings_people_rooms_collections_records_and_acts(
    people: dict[str, httpx.AsyncClient],
) -> None:
    for text, group, title in (
        ("hom", "Pages", "Home"),
        ("audit", "Settings", "Audit log"),
        ("token", "Your account", "Tokens"),
        ("bru", "People", "Bruno"),
        ("gene", "Rooms", "general"),
        ("book", "Collections", "Books"),
        ("casmu", "Records", "Dom Casmurro"),
        ("#40", "Records", "Dom Casmurro"),
        ("new rec", "Actions", "New record in Books"),
        ("invite", "Actions", "Invite people"),
        ("keyboard", "Actions", "Keyboard shortcuts"),
        ("sign out", "Actions", "Sign out"),
    ):
        assert title in (await find(people["ana"], text)).get(group, []), text


# Pages of who is not signed in, questions before an act, and what is found by another name: the home page has the
# workspace's.
NOT_FOUND_BY_HEADING = {"/", "/quick-switcher", "/login", "/forgotten", "/password", "/join", "/enter", "/confirm"}
NOT_FOUND_BY_HEADING |= {"/logout", "/account/leave", "/account/sessions/end-others"}


async def test_every_page_without_parameters_is_found_by_its_own_heading(people: dict[str, httpx.AsyncClient]) -> None:
    ana = people["ana"]
    missing = []
    for route in list_routes():
        if "{" in route.path or "GET" not in route.methods or route.path in NOT_FOUND_BY_HEADING:
            continue
        page = await ana.get(route.path)
        heading = re.search(r"<h1[^>]*>(.*?)</h1>", page.text, re.DOTALL)
        if page.status_code != 200 or not heading:
            continue
        text = unescape(re.sub(r"<[^>]+>", "", heading[1])).strip()
        found = [title for titles in (await find(ana, text)).values() for title in titles]
        if text not in found:
            missing.append((route.path, text))
    assert not missing


async def test_the_way_to_another_password_is_found(people: dict[str, httpx.AsyncClient]) -> None:
    assert "Change password" in (await find(people["carla"], "password"))["Actions"]


async def test_the_group_with_what_is_nearest_to_the_text_comes_first(people: dict[str, httpx.AsyncClient]) -> None:
    assert list(await find(people["ana"], "gene"))[:2] == ["Rooms", "Settings"]
    assert next(iter(await find(people["ana"], "anna"))) == "Records"


async def test_it_offers_nobody_what_they_may_not(people: dict[str, httpx.AsyncClient]) -> None:
    for text, title in (("audit", "Audit log"), ("invite", "Invite people"), ("new coll", "New collection")):
        assert title in str(await find(people["ana"], text))
        found = await find(people["carla"], text)
        assert title not in str({group: titles for group, titles in found.items() if group != "Help"})


async def test_all_is_marked_as_read_from_it_where_something_is_unread(people: dict[str, httpx.AsyncClient]) -> None:
    act = "Mark all notifications as read"
    assert (await people["ana"].post("/chat/general", data={"text": "@Carla look", "key": "looked"})).status_code == 303
    found = await people["carla"].get("/quick-switcher", params={"q": "mark all"}, headers=CALL)
    assert act in found.text
    until = re.findall(r'name="until" value="(\d+)"', found.text)
    done = await people["carla"].post("/notifications/read-all", data={"until": until[0]})
    assert done.status_code == 303
    assert act not in str(await find(people["carla"], "mark all"))


async def test_what_was_open_last_comes_first_and_is_named_by_the_server(people: dict[str, httpx.AsyncClient]) -> None:
    found = await find(people["ana"], recent=("record-40", "/members", "record-999999", "room-1", "<b>"))
    assert next(iter(found.items())) == ("Recent", ["Dom Casmurro", "People", "general"])
    assert "People" not in found["Pages"]
    assert "general" not in found.get("Rooms", [])


async def test_of_two_of_one_name_that_were_open_last_one_sees_which_is_which(
    people: dict[str, httpx.AsyncClient],
) -> None:
    opened = ("/notifications", "/notifications/preferences", "/settings/security", "/account/security")
    query = [("recent", each) for each in opened]
    found = (await people["ana"].get("/quick-switcher", params=query, headers=CALL)).text
    named = re.findall(r'<span class="title">(\w+)</span>(?: <span class="muted">([^<]*)</span>)?', found)
    assert named[:4] == [
        ("Notifications", ""),
        ("Notifications", "Your account"),
        ("Security", "Settings"),
        ("Security", "Your account"),
    ]


async def test_without_scripts_it_is_a_page_of_links(people: dict[str, httpx.AsyncClient]) -> None:
    page = (await people["ana"].get("/quick-switcher?q=casmu")).text
    assert 'href="/c/books/40"' in page
    assert 'role="option"' not in page.partition("<main")[2]
    assert "Nothing found." in (await people["ana"].get("/quick-switcher?q=qqqq")).text


async def open_box(page: Page) -> Any:
    await page.keyboard.press("Control+k")
    return page.get_by_role("combobox", name="Search or go to")


async def test_the_box_is_a_combobox_that_says_what_is_marked_and_how_many_there_are(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/40")
    box = await open_box(page)
    await box.press_sequentially("tokens")
    marked = page.get_by_role("option", selected=True)
    await expect(page.get_by_role("dialog").get_by_role("status")).to_have_text(re.compile(r"^\d+ results?$"))
    await expect(marked).to_have_text(re.compile("Tokens"))
    await expect(box).to_have_attribute("aria-expanded", "true")
    name = await marked.get_attribute("id")
    assert name
    await expect(box).to_have_attribute("aria-activedescendant", name)
    await expect(page.get_by_role("listbox")).to_have_id(await box.get_attribute("aria-controls") or "")
    await box.press("Enter")
    await page.wait_for_url("**/account/tokens")

    box = await open_box(page)
    await expect(page.get_by_role("group", name="Recent").get_by_role("option").first).to_contain_text("Dom Casmurro")
    kept = await page.evaluate("Object.entries(localStorage).filter(([name]) => name.startsWith('recent-')).join()")
    assert "Casmurro" not in kept
    await box.press("Enter")
    await page.wait_for_url("**/c/books/40")


async def test_it_asks_once_for_what_is_typed_in_one_go(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books")
    asked: list[str] = []

    async def count(route: Route) -> None:
        asked.append(route.request.url)
        await route.continue_()

    await page.route("**/quick-switcher?*", count)
    box = await open_box(page)
    await expect(page.get_by_role("option", selected=True)).to_have_count(1)
    await box.evaluate(
        """box => { for (const letter of "casmu") {
             box.value += letter;
             box.dispatchEvent(new InputEvent("input", { bubbles: true }));
           } }"""
    )
    await expect(page.get_by_role("group", name="Records").get_by_role("option", selected=True)).to_contain_text(
        "Casmurro"
    )
    assert [address.partition("?q=")[2].partition("&")[0] for address in asked] == ["", "casmu"]


async def test_an_act_is_done_from_the_box(shared_server: Server, person: Any) -> None:
    carla = await person(shared_server, "acme", "carla@acme.test")
    page = await carla.open("/c/books")
    box = await open_box(page)
    await box.press_sequentially("keyboard")
    await expect(page.get_by_role("option", selected=True)).to_contain_text("Keyboard")
    await box.press("Enter")
    await expect(page.get_by_role("dialog").get_by_role("heading", name="Keyboard shortcuts")).to_be_visible()
    await page.keyboard.press("Escape")
    box = await open_box(page)
    await box.press_sequentially("sign out")
    await expect(page.get_by_role("option", selected=True)).to_contain_text("Sign out")
    await box.press("Enter")
    await page.wait_for_url(re.compile(r"/login\?why=out$"))
    await expect(page.get_by_text("You have signed out.")).to_be_visible()
