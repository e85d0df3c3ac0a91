"""Inputs of several fields, such as people and files: what they have is kept, and given back, as other fields' text."""

from __future__ import annotations

import re
from contextlib import aclosing
from typing import Any

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser.pages import ready
from tests.browser.test_kinds_in_forms import add_fields, make_file
from tests.conftest import Person, Server

BACK = "What you typed here and did not save was restored."
STRANDED = "You have continued this in another tab or browser."


def keeper(page: Page) -> Locator:
    return page.get_by_role("combobox", name="Keeper")


def chosen(page: Page) -> Locator:
    return page.locator("choice-field [data-ts-item]")


def picture(page: Page) -> Locator:
    return page.get_by_role("checkbox", name="teal.png")


async def choose(page: Page, begun: str, name: str) -> None:
    await keeper(page).press_sequentially(begun)
    await page.get_by_role("option", name=name).click()


async def bring(page: Page) -> None:
    await page.get_by_label("Photos").set_input_files(make_file("teal"))
    await expect(picture(page)).to_be_checked()


async def leave(person: Person, how: str, path: str) -> None:
    """Leave a page and come back: by a reload, or by a link and Back."""
    if how == "reload":
        await person.page.reload()
    else:
        await person.page.get_by_role("link", name="general").first.click()
        await person.page.wait_for_url("**/chat/general")
        await person.page.go_back()
        await person.page.wait_for_url("**" + path)
    await ready(person.page)


async def save_with_both(page: Page) -> None:
    """The record that is saved has who was chosen, and the picture."""
    await page.get_by_role("button", name="Save").click()
    shown = page.locator("dl.fields")
    await expect(shown.locator(".person")).to_have_text(re.compile("Bruno"))
    await expect(shown.locator(".thumbnail")).to_have_attribute("alt", "teal.png")


async def open_stranded(davi: Person) -> Page:
    """A tab whose form is kept in it alone, as another one has gone on with the draft."""
    first = await davi.open("/c/books/new")
    second = await davi.context.new_page()
    await second.goto(davi.origin + "/c/books/new")
    await ready(second)
    async with first.expect_response(lambda answer: answer.url.endswith("/new/draft") and answer.status == 204):
        await first.get_by_label("Title").fill("Of the first")
    await second.get_by_label("Title").fill("Of the second")
    await expect(second.get_by_text(STRANDED)).to_be_visible()
    return second


@pytest.mark.sqlite
async def test_what_is_chosen_in_a_tab_that_is_on_its_own_outlives_a_reload(server: Server, person: Any) -> None:
    await add_fields(server)
    second = await open_stranded(await person(server, "acme", "davi@acme.test"))
    await choose(second, "br", "Bruno")
    await bring(second)
    await second.reload()
    await expect(second.get_by_text(STRANDED)).to_be_visible()
    await expect(chosen(second)).to_have_text(re.compile("Bruno"))
    await expect(picture(second)).to_be_checked()
    await save_with_both(second)


@pytest.mark.sqlite
@pytest.mark.parametrize("how", ["reload", "link"])
@pytest.mark.parametrize("fault", ["none", "lost"])
async def test_what_is_chosen_of_a_new_record_outlives_leaving_the_page(
    server: Server, person: Any, how: str, fault: str
) -> None:
    await add_fields(server)
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/c/books/new")

    async def lose(route: Route) -> None:
        await route.abort()

    await page.get_by_label("Title").fill("Kept")
    if fault == "lost":
        await carla.context.route("**/c/books/new/draft", lose)
    await choose(page, "br", "Bruno")
    await bring(page)
    if fault == "none":
        await expect(page.get_by_text("Draft saved")).to_be_visible()
    else:
        await page.evaluate("navigator.sendBeacon = () => true")
    await page.get_by_label("Title").fill("Kept and saved")
    await leave(carla, how, "/c/books/new")
    await expect(page.get_by_label("Title")).to_have_value("Kept and saved")
    await expect(chosen(page)).to_have_text(re.compile("Bruno"))
    await expect(picture(page)).to_be_checked()
    await expect(keeper(page)).to_have_value("")
    await carla.context.unroute("**/c/books/new/draft", lose)
    await page.get_by_label("Author").fill("Someone")
    await expect(page.get_by_text("Draft saved")).to_be_visible(timeout=20_000)
    await expect(page.get_by_text(STRANDED)).to_be_hidden()
    await save_with_both(page)


@pytest.mark.sqlite
async def test_who_was_taken_out_again_does_not_come_back(server: Server, person: Any) -> None:
    await add_fields(server)
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/c/books/new")
    async with page.expect_response(lambda answer: answer.url.endswith("/new/draft") and answer.status == 204):
        await choose(page, "br", "Bruno")
    await bring(page)
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    page = await carla.open("/c/books/new")
    await expect(chosen(page)).to_have_count(1)
    await carla.context.route("**/c/books/new/draft", lambda route: route.abort())
    await page.get_by_role("button", name="Remove: Bruno").click()
    await picture(page).uncheck()
    await leave(carla, "reload", "/c/books/new")
    await expect(page.get_by_text(BACK)).to_be_visible()
    await expect(picture(page)).not_to_be_checked()
    await expect(chosen(page)).to_have_count(0)
    field = page.locator("choice-field input[name]")
    assert await field.evaluate("(field) => new FormData(field.form).get(field.name)") == ""


@pytest.mark.sqlite
@pytest.mark.parametrize("path", ["/c/books/new", "/c/books/3/edit"])
async def test_a_name_that_is_typed_and_not_chosen_is_in_the_draft(server: Server, person: Any, path: str) -> None:
    await add_fields(server)
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open(path)
    async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
        await choose(page, "br", "Bruno")
        await keeper(page).press_sequentially("Nobody kno")
    async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
        await keeper(page).press_sequentially("wn")
    await keeper(page).press("Tab")
    await page.evaluate("sessionStorage.clear()")
    page = await carla.open(path)
    await expect(keeper(page)).to_have_value("Nobody known")
    await expect(chosen(page)).to_have_text(re.compile("Bruno"))


@pytest.mark.parametrize("how", ["reload", "link"])
async def test_what_a_guest_is_invited_to_outlives_leaving_the_page(
    shared_server: Server, person: Any, how: str
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/members")
    form = page.locator("kept-form").first
    await form.get_by_label("Role").select_option("guest")
    books, rooms = form.get_by_role("combobox", name="Collections"), form.get_by_role("combobox", name="Rooms")
    await books.press_sequentially("Boo")
    await page.get_by_role("option", name="Books").click()
    await rooms.press_sequentially("gener")
    await leave(ana, how, "/members")
    await expect(form.locator("[data-ts-item]")).to_have_text(re.compile("Books"))
    await expect(rooms).to_have_value("gener")
    await expect(books).to_have_value("")
    sent = await form.locator("form").evaluate("(form) => [...new FormData(form)].map(([, text]) => text)")
    assert {"gener", "1"} <= {*sent}
    await form.get_by_role("button", name="Start over").click()
    await expect(form.locator("[data-ts-item]")).to_have_count(0)
    await form.get_by_label("Role").select_option("guest")
    await expect(rooms).to_have_value("")


@pytest.mark.console("ERR_FAILED")
async def test_what_is_given_to_an_input_whose_script_never_comes_goes_as_one_starts_over(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/members")
    form = page.locator("kept-form").first
    await form.get_by_label("Role").select_option("guest")
    await form.get_by_role("combobox", name="Rooms").press_sequentially("gener")
    script = "**/js/choice-field.js"
    await page.route(script, lambda route: route.abort())
    await page.reload()
    await expect(form.get_by_label("Role")).to_have_value("guest")
    sent = "(form) => [...new FormData(form)].map(([, text]) => text)"
    assert "gener" in await form.locator("form").evaluate(sent)
    await form.get_by_role("button", name="Start over").click()
    assert "gener" not in await form.locator("form").evaluate(sent)
    await page.unroute(script)


@pytest.mark.sqlite
async def test_a_list_that_comes_late_leaves_the_focus_where_one_types(server: Server, person: Any) -> None:
    """Also in a window without the focus of the screen, where the library does not notice that its field is left."""
    ana = await person(server, "acme", "ana@acme.test")
    async with aclosing(server.let_in("acme", "ana@acme.test")) as client:
        await client.post("/collections/new", data={"name": "Loans", "first": "Name"})
    first = re.compile(r"/choices/collections\?q=$")
    held: list[Route] = []
    await ana.context.route(first, lambda route: held.append(route))
    page = await ana.open("/members")
    form = page.locator("kept-form").first
    await form.get_by_label("Role").select_option("guest")
    books, rooms = form.get_by_role("combobox", name="Collections"), form.get_by_role("combobox", name="Rooms")
    await books.press_sequentially("Boo")
    await page.get_by_role("option", name="Books").click()
    await page.evaluate("document.hasFocus = () => false")
    await rooms.press_sequentially("gen")
    async with page.expect_response(first):
        await held[0].continue_()
    await expect(page.locator("choice-field .loading")).to_have_count(0)
    await rooms.press_sequentially("er")
    await expect(rooms).to_have_value("gener")
    await expect(rooms).to_be_focused()


@pytest.mark.sqlite
async def test_what_is_given_to_an_input_whose_script_comes_later_is_shown_then(server: Server, person: Any) -> None:
    await add_fields(server)
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/c/books/new")
    await page.get_by_label("Title").fill("Kept")
    await carla.context.route("**/c/books/new/draft", lambda route: route.abort())
    await choose(page, "br", "Bruno")
    await bring(page)
    held: list[Route] = []
    scripts = re.compile(r"/js/(choice|file)-field\.js")
    await carla.context.route(scripts, lambda route: held.append(route))
    # Modules are run in the order of the page, so the test runs that of the form ahead of those of its inputs.
    await page.goto(carla.origin + "/c/books/new", wait_until="commit")
    address = await page.locator("script[src*='kept-form.js']").first.get_attribute("src")
    await page.evaluate("async (address) => { await import(address); }", address)
    await expect(page.get_by_label("Title")).to_have_value("Kept")
    for route in held:
        await route.continue_()
    await carla.context.unroute(scripts)
    await expect(chosen(page)).to_have_text(re.compile("Bruno"))
    await expect(picture(page)).to_be_checked()
    await save_with_both(page)


@pytest.mark.sqlite
@pytest.mark.console("ERR_FAILED")
async def test_what_is_given_to_an_input_whose_script_never_comes_is_kept_and_saved(
    server: Server, person: Any
) -> None:
    await add_fields(server)
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/c/books/new")
    await page.get_by_label("Title").fill("Kept")
    lost = "**/c/books/new/draft"
    await carla.context.route(lost, lambda route: route.abort())
    await page.evaluate("navigator.sendBeacon = () => true")
    await choose(page, "br", "Bruno")
    await bring(page)
    scripts = re.compile(r"/js/(choice|file)-field\.js")
    await carla.context.route(scripts, lambda route: route.abort())
    await page.reload()
    await expect(page.get_by_text(BACK)).to_be_visible()
    async with page.expect_response(lambda answer: answer.url.endswith("/new/draft") and answer.status == 204):
        await carla.context.unroute(lost)
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await carla.context.unroute(scripts)
    await save_with_both(page)


@pytest.mark.sqlite
async def test_what_a_tab_keeps_of_fields_that_were_removed_meanwhile_is_shown_before_it_is_saved(
    server: Server, person: Any
) -> None:
    await add_fields(server)
    page = await open_stranded(await person(server, "acme", "davi@acme.test"))
    await choose(page, "br", "Bruno")
    await bring(page)
    ana = await server.sign_in("acme", "ana@acme.test")
    for key in ("keeper", "photos"):
        assert (await ana.post(f"/c/books/fields/{key}", data={"action": "remove"})).status_code == 303
    await ana.aclose()
    await page.reload()
    await expect(page.get_by_label("Title")).to_have_value("Of the second")
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_text("Nothing has been saved yet")).to_be_visible()
    await expect(page.get_by_label("Keeper")).to_have_value("Bruno")
    await expect(page.get_by_label("Photos")).to_have_value("teal.png")
