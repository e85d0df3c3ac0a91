"""Two people in the same workspace, each in a browser of their own: what one does, the other sees at once."""

from __future__ import annotations

import re
from contextlib import aclosing
from datetime import datetime, timedelta
from typing import Any

from playwright.async_api import expect

from tests.browser.pages import assert_equals_a_fresh_load, open_acts, ready
from tests.conftest import Person, Server


async def fill_book(person: Person, **values: str) -> None:
    for label, value in values.items():
        await person.page.get_by_label(label).fill(value)
    await person.page.get_by_role("button", name="Save").click()


async def test_a_book_that_one_adds_changes_and_deletes_is_followed_by_the_other(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    gil = await person(server, "globex", "gil@globex.test")
    await carla.open("/c/books")
    await gil.open("/c/books")
    await ana.open("/c/books/new")
    await fill_book(ana, Title="Água Viva", Author="Clarice Lispector")
    row = carla.page.get_by_role("row").filter(has_text="Água Viva")
    await expect(row).to_be_visible()
    await expect(carla.page.locator("#count")).to_have_text("43")
    await assert_equals_a_fresh_load(carla.page)

    await ana.page.wait_for_url("**/c/books/43")
    await ana.page.get_by_role("link", name="Edit").click()
    await fill_book(ana, Year="1973")
    await expect(row).to_contain_text("1973")

    await ana.page.wait_for_url("**/c/books/43")
    await ready(ana.page)
    await open_acts(ana.page)
    await ana.page.get_by_role("button", name="Delete").click()
    await expect(row).to_have_count(0)
    await expect(carla.page.locator("#count")).to_have_text("42")

    await ana.page.get_by_role("button", name="Restore").click()
    await expect(row).to_be_visible()
    await assert_equals_a_fresh_load(carla.page)
    await expect(gil.page.get_by_text("Água Viva")).to_have_count(0)
    await expect(gil.page.locator("#count")).to_have_text("12")


async def test_an_open_record_follows_and_says_when_it_was_deleted(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    await carla.open("/c/books/40")
    await ana.open("/c/books/40/edit")
    await fill_book(ana, Year="1900")
    await expect(carla.page.locator("dl.fields")).to_contain_text("1900")
    await open_acts(ana.page)
    await ana.page.get_by_role("button", name="Delete").click()
    await expect(carla.page.get_by_text("Deleted by Ana")).to_be_visible()
    await expect(carla.page.get_by_role("link", name="Edit")).to_have_count(0)
    await assert_equals_a_fresh_load(carla.page)


async def test_a_new_book_enters_a_list_only_under_its_search_and_in_its_order(server: Server, person: Any) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    davi = await person(server, "acme", "davi@acme.test")
    await carla.open("/c/books?q=machado&sort=title")
    await davi.open("/c/books?q=dostoevsky")
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        added = await ana.post("/c/books/new", data={"title": "Helena", "author": "Machado de Assis"})
    assert added.status_code == 303, added.text
    await expect(carla.page.locator("record-list tbody tr").nth(1)).to_contain_text("Helena")
    await assert_equals_a_fresh_load(carla.page)
    await assert_equals_a_fresh_load(davi.page)


async def test_a_book_that_belongs_on_another_page_is_told_of_by_a_pill(server: Server, person: Any) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        for number in range(20):
            added = await ana.post("/c/books/new", data={"title": f"Book {number:02}"})
            assert added.status_code == 303, added.text
    await carla.open("/c/books?page=2")
    server.run("record", "add", "acme", "books", "title=Newest", "--as", "ana@acme.test")
    pill = carla.page.get_by_role("link", name="1 new")
    await expect(pill).to_be_visible()
    await pill.click()
    await expect(pill).to_be_hidden()
    await assert_equals_a_fresh_load(carla.page)


async def test_the_sidebar_shows_who_is_here_as_one_person_for_several_tabs(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    await ana.open("/")
    here = ana.page.get_by_role("region", name="Here now").get_by_role("listitem")
    await expect(here).to_have_text([re.compile("Ana")])
    carla = await person(server, "acme", "carla@acme.test")
    await carla.open("/")
    second = await carla.context.new_page()
    await second.goto(carla.origin + "/c/books")
    await ready(second)
    await expect(here).to_have_count(2)
    await second.close()
    await carla.page.reload()
    await ready(carla.page)
    await expect(here).to_have_count(2)
    await carla.context.close()
    await expect(here).to_have_count(1, timeout=20_000)


async def test_one_socket_lives_through_navigation(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    sockets: list[str] = []
    await ana.open("/")
    ana.page.on("websocket", lambda socket: sockets.append(socket.url))
    await ana.page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Books").click()
    await ana.page.get_by_role("link", name="Iracema").click()
    await ana.page.wait_for_url("**/c/books/23")
    await ready(ana.page)
    await ana.page.go_back()
    await expect(ana.page.get_by_role("heading", name="Books")).to_be_visible()
    await ready(ana.page)
    assert sockets == [], "the first one was kept"


async def test_ticks_stay_while_others_change_the_rows_and_what_is_held_is_left(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    await carla.open("/c/books?sort=title")
    await carla.page.get_by_role("checkbox", name="Select Dracula").check()
    await carla.page.get_by_role("checkbox", name="Select Dom Casmurro").check()
    await expect(carla.page.get_by_text("2 selected")).to_be_visible()
    await ana.open("/c/books/39/edit")
    await fill_book(ana, Title="Count Dracula")  # which moves it to another place
    await ana.page.wait_for_url("**/c/books/39")
    await expect(carla.page.get_by_role("checkbox", name="Select Count Dracula")).to_be_checked()
    await ana.open("/c/books/40/edit")
    await expect(carla.page.locator("record-list tbody .mark")).to_be_visible()
    await expect(carla.page.get_by_role("checkbox", name="Select Dom Casmurro")).to_be_checked()
    await carla.page.get_by_role("button", name="Delete selected").click()
    await expect(carla.page.get_by_text("1 record is in the trash.")).to_be_visible()
    await expect(carla.page.get_by_text("Ana is editing it.")).to_be_visible()
    await carla.page.get_by_role("link", name="Back to the list").click()
    await carla.page.get_by_label("Select all on this page").check()
    await expect(carla.page.get_by_text("41 selected")).to_be_visible()
    await carla.page.get_by_role("button", name="Clear selection").click()
    await expect(carla.page.get_by_role("button", name="Delete selected")).to_be_hidden()


async def test_a_history_is_by_the_days_of_its_reader(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/1")
    history = page.locator("ol.history")
    await expect(history.get_by_role("heading", level=3)).to_have_count(1)
    made = await history.locator("time").first.get_attribute("datetime")
    assert made
    await page.clock.set_fixed_time(datetime.fromisoformat(made) + timedelta(days=1))
    await page.reload()
    await expect(history.get_by_role("heading", level=3)).to_have_text("Yesterday")
    await page.clock.set_fixed_time(datetime.fromisoformat(made) + timedelta(days=9))
    await page.reload()
    await expect(history.get_by_role("heading", level=3)).to_have_text(re.compile(r"day, \w+ \d+, 20\d\d"))
    await expect(history.locator("time").first).to_have_text(re.compile(r"^\d+:\d\d"))
