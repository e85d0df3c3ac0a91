"""A record that is not added yet: what is typed is a draft of the member, in each browser, until it is saved."""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import aclosing
from typing import Any

import httpx
import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.pages import ready
from tests.conftest import Person, Server
from tests.fields import AUTHOR, TITLE
from tests.waiting import until

BACK = "What you typed here and did not save was restored."
DRAFT = "**/c/books/new/draft"
STRANDED = "You have continued this in another tab or browser."


async def type_kept(page: Page, label: str, text: str, *, left: bool = False) -> None:
    """Type, where the field is `left` take the focus from it, and wait until the server has it."""
    async with page.expect_response(lambda answer: answer.url.endswith("/new/draft") and answer.status == 204):
        await page.get_by_label(label).fill(text)
        if left:
            await page.get_by_label(label).blur()


async def test_typing_is_back_after_a_link_in_another_browser_and_gone_when_saved(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    bruno = await person(shared_server, "acme", "bruno@acme.test")
    there = await person(shared_server, "acme", "ana@acme.test")
    await ana.open("/c/books/new")
    await expect(ana.page.get_by_text(BACK)).to_be_hidden()
    await type_kept(ana.page, "Title", "Half a ti")
    await expect(ana.page.get_by_text("Draft saved")).to_be_visible()
    await ana.page.get_by_label("Title").fill("Half a title")
    await ana.page.get_by_role("link", name="general").first.click()
    await expect(ana.page.get_by_label("Title")).to_have_count(0)
    await ana.open("/c/books/new")
    await expect(ana.page.get_by_label("Title")).to_have_value("Half a title")
    await expect(ana.page.get_by_text(BACK)).to_be_visible()
    await there.open("/c/books/new")
    await expect(there.page.get_by_label("Title")).to_have_value("Half a title")
    await bruno.open("/c/books/new")
    await expect(bruno.page.get_by_label("Title")).to_have_value("")
    await ana.page.get_by_role("button", name="Save").click()
    await expect(ana.page.get_by_role("heading", name="Half a title")).to_be_visible()
    await ana.open("/c/books/new")
    await expect(ana.page.get_by_label("Title")).to_have_value("")
    await expect(ana.page.get_by_text(BACK)).to_be_hidden()


async def test_a_draft_that_is_too_long_says_so_and_is_sent_when_it_is_shorter(
    shared_server: Server, person: Any
) -> None:
    page = (await person(shared_server, "acme", "ana@acme.test")).page
    await page.goto(shared_server.url("acme") + "c/books/new")
    await ready(page)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if request.url.endswith("/draft") else None)
    title = page.get_by_label("Title")
    await title.evaluate(
        "field => { field.value = 'x'.repeat(1100000); field.dispatchEvent(new Event('input', { bubbles: true })); }"
    )
    await expect(page.get_by_text("This is too long")).to_be_visible()
    await expect(title).to_have_attribute("aria-invalid", "true")
    await type_kept(page, "Title", "Short enough")
    await expect(page.get_by_text("This is too long")).to_be_hidden()
    assert len(asked) == 1


def records_of(server: Server, title: str) -> list[Any]:
    """The records of this title."""
    return [values for (values,) in server.store.rows('SELECT "values" FROM record') if title in str(values)]


def authors(server: Server, title: str) -> list[str]:
    """Who has written the records with a title."""
    rows = server.store.rows('SELECT "values" FROM record')
    found = [json.loads(values) if isinstance(values, str) else values for (values,) in rows]
    return [each[AUTHOR] for each in found if each.get(TITLE) == title]


async def pass_on(server: Server, route: Route) -> httpx.Response:
    """Let the server have a request, of whose answer the page has not got anything yet."""
    headers = await route.request.all_headers()
    names = ("cookie", "content-type", "origin", "x-page", "x-member")
    sent = {name: headers[name] for name in names if name in headers}
    async with server.client("acme") as client:
        return await client.post("/c/books/new/draft", content=route.request.post_data_buffer, headers=sent)


async def assert_no_draft(person: Person) -> None:
    """A new form is empty, here and in another tab."""
    other = await person.context.new_page()
    for page in (person.page, other):
        await page.goto(person.origin + "/c/books/new")
        await ready(page)
        await expect(page.get_by_label("Title")).to_have_value("")
        await expect(page.get_by_label("Author")).to_have_value("")
        await expect(page.get_by_text(BACK)).to_be_hidden()
    await other.close()


async def save(page: Page, title: str) -> None:
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name=title, exact=True)).to_be_visible()


@pytest.mark.parametrize("late", [False, True], ids=["lost", "later than a page waits"])
@pytest.mark.parametrize("reload", [False, True], ids=["typed on", "after a reload"])
async def test_a_draft_whose_answer_does_not_come_is_not_another_tab_s(
    shared_server: Server, person: Any, late: bool, reload: bool
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/new")
    held: list[Route] = []

    async def lose(route: Route) -> None:
        assert (await pass_on(shared_server, route)).status_code == 204
        held.append(route)
        if not late:
            await route.abort()

    await page.route(DRAFT, lose)
    await page.get_by_label("Title").fill("Lost")
    await until(lambda: len(held) == 1)
    await page.get_by_label("Title").fill("Lost and found")
    await until(lambda: len(held) == 2)
    await page.unroute(DRAFT, lose)
    if reload:
        await page.reload()
        await ready(page)
        await expect(page.get_by_label("Title")).to_have_value("Lost and found")
    await page.get_by_label("Author").fill("Someone")
    await expect(page.get_by_text("Draft saved")).to_be_visible(timeout=20_000)
    await expect(page.get_by_text(STRANDED)).to_be_hidden()
    await save(page, "Lost and found")
    await assert_no_draft(ana)


@pytest.mark.parametrize("arrives", ["before", "after the reload", "after what is typed on", "never"])
@pytest.mark.parametrize("first", [True, False], ids=["the first draft", "a later one"])
async def test_a_draft_of_before_a_reload_makes_none_of_after_it_late(
    shared_server: Server, person: Any, first: bool, arrives: str
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/new")
    if not first:
        await type_kept(page, "Title", "Of before")
    held: list[Route] = []
    await page.route(DRAFT, lambda route: held.append(route))
    await page.get_by_label("Title").fill("Of before the reload")
    await until(lambda: held)
    if arrives == "before":
        await pass_on(shared_server, held[0])
    await page.evaluate("navigator.sendBeacon = () => true")
    await page.reload()
    await ready(page)
    await expect(page.get_by_label("Title")).to_have_value("Of before the reload")
    late = [route for route in held if arrives != "never"]
    if arrives == "after the reload":
        await pass_on(shared_server, late[0])
    await page.get_by_label("Author").fill("Of after it")
    await page.unroute_all(behavior="ignoreErrors")
    await expect(page.get_by_text("Draft saved")).to_be_visible(timeout=20_000)
    if arrives == "after what is typed on":
        await pass_on(shared_server, late[0])
    await type_kept(page, "Author", "Of after it, and on")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await expect(page.get_by_text(STRANDED)).to_be_hidden()
    other = await ana.context.new_page()
    await other.goto(ana.origin + "/c/books/new")
    await expect(other.get_by_label("Title")).to_have_value("Of before the reload")
    await expect(other.get_by_label("Author")).to_have_value("Of after it, and on")
    await other.close()
    await save(page, "Of before the reload")
    await assert_no_draft(ana)


@pytest.mark.parametrize("before", ["", "Of before"], ids=["the first draft", "a later one"])
@pytest.mark.parametrize("typed", ["Of meanwhile", "Of before", ""], ids=["typed on", "as before", "emptied"])
async def test_a_draft_that_is_stored_as_the_next_page_is_made_is_not_another_tab_s(
    shared_server: Server, person: Any, before: str, typed: str
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/new")
    if before:
        await type_kept(page, "Title", before)
    cookies = "; ".join(f"{each['name']}={each['value']}" for each in await ana.context.cookies())
    async with shared_server.client("acme") as client:
        made_before = await client.get("/c/books/new", headers={"cookie": cookies})
    await type_kept(page, "Title", "Of meanwhile", left=True)
    if typed != "Of meanwhile":
        await type_kept(page, "Title", typed, left=True)
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    headers = {name: made_before.headers[name] for name in ("content-type", "x-page")}
    await page.route("**/c/books/new", lambda route: route.fulfill(body=made_before.content, headers=headers), times=1)
    await page.get_by_role("main").get_by_role("link", name="Books").click()
    await page.get_by_role("main").locator("[href='/c/books/new']").first.click()
    await expect(page.get_by_label("Title")).to_have_value(typed)
    await type_kept(page, "Author", "Of after it")
    await expect(page.get_by_text(STRANDED)).to_be_hidden()
    await type_kept(page, "Title", "Of meanwhile, and after it")
    await save(page, "Of meanwhile, and after it")
    await assert_no_draft(ana)


@pytest.mark.parametrize("swept", [False, True], ids=["soon", "after 30 days"])
@pytest.mark.parametrize("settled", ["Save", "Start over"])
@pytest.mark.parametrize("left", ["a link", "typed on"])
async def test_what_was_settled_elsewhere_does_not_come_back_unsaid(
    shared_server: Server, person: Any, left: str, settled: str, swept: bool
) -> None:
    """The link takes the focus from the field: what is sent as the page goes has no answer there."""
    title = f"{settled} {left} {swept}"
    ana = await person(shared_server, "acme", "ana@acme.test")
    there = await person(shared_server, "acme", "ana@acme.test")
    await ana.open("/c/books/new")
    await type_kept(ana.page, "Title", title)
    if left == "typed on":
        async with ana.page.expect_request(DRAFT) as sent:
            await ana.page.get_by_label("Author").type("A")
            await ana.page.get_by_role("link", name="general").first.click()
        await (await sent.value).response()
    else:
        await ana.page.get_by_role("link", name="general").first.click()
    await expect(ana.page.get_by_label("Title")).to_have_count(0)
    await there.open("/c/books/new")
    await expect(there.page.get_by_label("Title")).to_have_value(title)
    await there.page.get_by_role("button", name=settled, exact=True).click()
    if settled == "Save":
        await expect(there.page.get_by_role("heading", name=title)).to_be_visible()
    else:
        await expect(there.page.get_by_label("Title")).to_have_value("")
    if swept:  # the page, too, is then of so long ago
        shared_server.store.rows("DELETE FROM draft")
        shared_server.store.rows("DELETE FROM form_answer")
        await ana.page.evaluate(
            """() => {
                for (const [name, text] of Object.entries(sessionStorage)) {
                    const kept = JSON.parse(text);
                    const version = String(kept.version - 31 * 86400000);
                    if (kept.version) sessionStorage.setItem(name, JSON.stringify({ ...kept, version }));
                }
            }"""
        )
    page = await ana.open("/c/books/new")
    await page.wait_for_function(
        """() => document.querySelector("[name=f1]").value === ""
            || [...document.querySelectorAll("[data-made], [data-too-old]")].some((notice) => !notice.hidden)"""
    )
    if await page.get_by_label("Title").input_value():
        await page.get_by_role("button", name="Save", exact=True).click()
        await expect(page.get_by_role("heading", name=title).or_(page.get_by_text("added since"))).to_be_visible()
    assert len(records_of(shared_server, title)) == int(settled == "Save")


async def test_a_form_whose_draft_could_not_be_discarded_goes_on(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/new")
    await type_kept(page, "Title", "Not to be lost")
    await page.reload()
    await ready(page)
    await page.route(DRAFT + "/discard", lambda route: route.abort())
    async with page.expect_event("requestfailed", lambda request: request.url.endswith("/discard")):
        await page.get_by_role("button", name="Start over").click()
    await type_kept(page, "Author", "Somebody")
    await page.reload()
    await ready(page)
    await expect(page.get_by_label("Author")).to_have_value("Somebody")
    await save(page, "Not to be lost")
    await assert_no_draft(ana)


async def test_a_first_draft_that_arrives_when_the_record_was_saved_does_not_come_back(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/new")
    held: list[Route] = []
    await page.route(DRAFT, lambda route: held.append(route))
    await page.get_by_label("Title").fill("Saved before its draft")
    await until(lambda: held)
    await save(page, "Saved before its draft")
    for route in held:
        assert (await pass_on(shared_server, route)).status_code == 204
    await page.unroute_all(behavior="ignoreErrors")
    await assert_no_draft(ana)


async def test_a_draft_that_arrives_when_it_was_discarded_does_not_come_back(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/new")
    await type_kept(page, "Title", "Of no use")
    await page.reload()
    await ready(page)
    held: list[Route] = []
    await page.route(DRAFT, lambda route: held.append(route))
    await page.get_by_label("Author").fill("Nobody")
    await until(lambda: held)
    await page.get_by_role("button", name="Start over").click()
    await expect(page.get_by_label("Title")).to_have_value("")
    for route in held:
        await pass_on(shared_server, route)
    await page.unroute_all(behavior="ignoreErrors")
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_label("Title")).to_have_value("Of no use")
    await type_kept(page, "Author", "Somebody after all")
    await expect(page.get_by_text(STRANDED)).to_be_hidden()
    await save(page, "Of no use")
    await assert_no_draft(ana)


async def test_a_duplicated_tab_is_another_one_whatever_it_has_of_the_first(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    first = await ana.open("/c/books/new")
    held: list[Route] = []
    await ana.context.route(DRAFT, lambda route: held.append(route))
    await first.get_by_label("Title").fill("Of the first")
    await until(lambda: held)
    async with ana.context.expect_page() as opening:
        await first.evaluate("window.open(location.href)")
    second = await opening.value
    await ready(second)
    await expect(second.get_by_label("Title")).to_have_value("Of the first")
    await ana.context.unroute_all(behavior="ignoreErrors")
    for number in range(4):
        await type_kept(first, "Author", f"Somebody {number}")
    await second.get_by_label("Author").fill("Of the second")
    await expect(second.get_by_text(STRANDED)).to_be_visible(timeout=20_000)
    await second.reload()
    await expect(second.get_by_label("Author")).to_have_value("Of the second")
    await expect(second.get_by_text(STRANDED)).to_be_visible()
    await save(first, "Of the first")
    await save(second, "Of the first")
    ana.page = second
    await assert_no_draft(ana)
    assert sorted(authors(shared_server, "Of the first")) == ["Of the second", "Somebody 3"]


async def test_saving_while_a_draft_is_on_its_way_does_not_take_the_page_for_another_tab(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/new")
    kept, answered = asyncio.Event(), asyncio.Event()

    async def answer_late(route: Route) -> None:
        headers = await route.request.all_headers()
        sent = {name: headers[name] for name in ("cookie", "content-type", "origin", "x-page", "x-member")}
        async with shared_server.client("acme") as client:
            answer = await client.post("/c/books/new/draft", content=route.request.post_data_buffer, headers=sent)
        assert answer.status_code == 204, answer.text
        kept.set()
        await answered.wait()
        await route.fulfill(status=204, headers={"x-page": "1", "x-draft": answer.headers["x-draft"]})

    await page.route("**/c/books/new/draft", answer_late, times=1)
    await page.get_by_label("Author").fill("Someone")
    async with asyncio.timeout(20):
        await kept.wait()
    await page.get_by_label("Author").fill("Somebody or other")
    for _ in range(2):
        await page.get_by_role("button", name="Save").click()
    answered.set()
    await expect(page.locator("#error-f1")).to_be_visible()
    await expect(page.get_by_text(STRANDED)).to_be_hidden()
    await type_kept(page, "Author", "Somebody else")
    await expect(page.get_by_text(STRANDED)).to_be_hidden()


async def test_what_is_typed_on_while_a_refusal_is_on_its_way_goes_on_in_it(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/new")
    sent, may_go = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        sent.set()
        await may_go.wait()
        await route.fallback()

    await type_kept(page, "Author", "Some")
    await page.route("**/c/books/new", hold, times=1)
    await page.get_by_role("button", name="Save").click()
    async with asyncio.timeout(20):
        await sent.wait()
    await page.get_by_label("Author").fill("Someone")
    may_go.set()
    await expect(page.locator("#error-f1")).to_be_visible()
    await expect(page.get_by_label("Author")).to_have_value("Someone")
    await expect(page.get_by_text("Draft saved")).to_be_visible()
    await type_kept(page, "Title", "By somebody")
    await expect(page.get_by_text(STRANDED)).to_be_hidden()
    await page.get_by_role("button", name="Save").click()
    await expect(page.get_by_role("heading", name="By somebody")).to_be_visible()
    await ana.open("/c/books/new")
    await expect(page.get_by_label("Author")).to_have_value("")


async def test_two_tabs_do_not_write_over_each_other(shared_server: Server, person: Any) -> None:
    bruno = await person(shared_server, "acme", "bruno@acme.test")
    first = await bruno.open("/c/books/new")
    second = await bruno.context.new_page()
    await second.goto(bruno.origin + "/c/books/new")
    await ready(second)
    await type_kept(first, "Title", "Of the first")
    await second.get_by_label("Title").fill("Of the second")
    await expect(second.get_by_text(STRANDED)).to_be_visible()
    await second.reload()
    await expect(second.get_by_label("Title")).to_have_value("Of the second")
    await expect(second.get_by_text(STRANDED)).to_be_visible()
    await first.reload()
    await expect(first.get_by_label("Title")).to_have_value("Of the first")
    await second.get_by_role("button", name="Save").click()
    await expect(second.get_by_role("heading", name="Of the second")).to_be_visible()
    await first.reload()
    await expect(first.get_by_label("Title")).to_have_value("Of the first")
    await first.get_by_role("button", name="Start over").click()
    await expect(first.get_by_label("Title")).to_have_value("")
    await first.reload()
    await expect(first.get_by_label("Title")).to_have_value("")


async def test_a_field_that_is_removed_while_somebody_types_into_it_loses_nothing(server: Server, person: Any) -> None:
    ana = await server.sign_in("acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    davi = await person(server, "acme", "davi@acme.test")
    await carla.open("/c/books/40/edit")
    await davi.open("/c/books/new")
    await davi.page.get_by_label("Title").fill("Helena")
    for page in (carla.page, davi.page):
        async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
            await page.get_by_label("Notes").fill("Typed into a field")
    removed = await ana.post("/c/books/fields/notes", data={"action": "remove"})
    assert removed.status_code == 303
    for page in (carla.page, davi.page):
        await expect(page.locator("#stale")).to_contain_text("“Notes” was removed.")
        field = page.locator(".field", has=page.get_by_label("Notes"))
        await expect(field).to_contain_text("“Notes” was removed. What you typed here is kept.")
        await page.get_by_label("Notes").press_sequentially(" that is gone")
        await page.get_by_role("button", name="Save").click()
        await expect(page.get_by_text("Nothing has been saved yet")).to_be_visible()
        await expect(page.get_by_label("Notes")).to_have_value("Typed into a field that is gone")
        await expect(page.get_by_text("The field “Notes” was removed")).to_be_visible()
        await page.reload()
        await expect(page.get_by_label("Notes")).to_have_value("Typed into a field that is gone")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("dl.fields")).to_be_visible()
        await expect(page.get_by_text("that is gone")).to_have_count(0)
    await ana.aclose()


async def test_a_field_whose_kind_is_changed_while_somebody_types_into_it_carries_that_over(
    server: Server, person: Any
) -> None:
    ana = await server.sign_in("acme", "ana@acme.test")
    for label in ("Copies", "Pages"):
        assert (await ana.post("/c/books/fields", data={"label": label, "kind": "text"})).status_code == 303
    carla = await person(server, "acme", "carla@acme.test")
    davi = await person(server, "acme", "davi@acme.test")
    await carla.open("/c/books/40/edit")
    await davi.open("/c/books/new")
    await davi.page.get_by_label("Title").fill("Helena")
    for page in (carla.page, davi.page):
        await page.get_by_label("Copies").fill("12")
        async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
            await page.get_by_label("Pages").fill("many")
    for key in ("copies", "pages"):
        changed = await ana.post(f"/c/books/fields/{key}/kind", data={"kind": "whole_number", "action": "change"})
        assert changed.status_code == 303, changed.text
    for page, reload in ((carla.page, False), (davi.page, True)):
        for label in ("Copies", "Pages"):
            said = f"The type of “{label}” changed from Text to Whole number."
            await expect(page.locator("#stale")).to_contain_text(said)
            field = page.locator(".field", has=page.get_by_label(label))
            await expect(field).to_contain_text(f"{said} What you typed here is kept.")
        if reload:
            await page.reload()
        else:
            await page.get_by_role("button", name="Save").click()
            await expect(page.get_by_text("Nothing has been saved yet")).to_be_visible()
        await expect(page.get_by_text("The type of the field “Copies” was changed while")).to_be_visible()
        await expect(page.get_by_text("The type of the field “Pages” was changed to “Whole number”")).to_be_visible()
        await expect(page.get_by_label("Copies", exact=True)).to_have_value("12")
        await expect(page.get_by_label("Pages", exact=True)).to_have_value("")
        await expect(page.get_by_label("Pages, as you typed it")).to_have_value("many")
        await page.get_by_label("Pages", exact=True).fill("300")
        await page.get_by_role("button", name="Save").click()
        await expect(page.locator("dl.fields")).to_contain_text("300")
        await expect(page.locator("dl.fields")).to_contain_text("12")
        await expect(page.get_by_text("many")).to_have_count(0)
    await ana.aclose()


async def test_an_open_form_says_in_words_what_was_changed_of_its_fields(server: Server, person: Any) -> None:
    ana = await server.sign_in("acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    davi = await person(server, "acme", "davi@acme.test")
    await carla.open("/c/books/40/edit")
    await davi.open("/c/books/new")
    for page in (carla.page, davi.page):
        await page.get_by_label("Notes").fill("Typed before")
    changed = {"label": "Remarks", "help": "", "default": "", "required": "yes"}
    assert (await ana.post("/c/books/fields/notes", data=changed)).status_code == 303
    for page in (carla.page, davi.page):
        await expect(page.locator(".field .news")).to_contain_text("“Notes” was renamed to “Remarks”.")
        await expect(page.locator("#stale")).to_contain_text("“Remarks” is now required.")
        await expect(page.locator("#stale")).not_to_contain_text("This page has changed.")
        await expect(page.locator(".field", has=page.get_by_label("Notes"))).to_contain_text("is now required.")
        await expect(page.get_by_label("Notes")).to_have_value("Typed before")
    assert (await ana.post("/c/books/fields", data={"label": "Shelf", "kind": "text"})).status_code == 303
    for page in (carla.page, davi.page):
        await expect(page.locator("#stale")).to_contain_text("“Shelf” was added.")
        await expect(page.locator("#stale")).to_contain_text("“Remarks” is now required.")
    await ana.aclose()


async def test_what_is_told_of_fields_is_what_is_still_true_and_no_more_than_fits(server: Server, person: Any) -> None:
    ana = await server.sign_in("acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    page = await carla.open("/c/books/40/edit")
    notes = page.locator(".field", has=page.get_by_label("Notes"))
    year = page.locator(".field", has=page.get_by_label("Year"))
    stale, beside = page.locator("#stale"), notes.locator(".news")

    async def act(key: str, **form: str) -> str:
        answer = await ana.post(f"/c/books/fields/{key}", data=form)
        assert answer.status_code == 303, answer.text
        return answer.headers["location"]

    removed = re.findall(r"fields/(f\d+)#[^>]*><b>Notes", (await ana.get("/c/books/fields")).text)[0]
    await act("notes", action="remove")
    await expect(beside).to_have_text("“Notes” was removed.")
    await page.get_by_label("Notes").fill("Typed since")
    await expect(beside).to_have_text("“Notes” was removed. What you typed here is kept.")
    await act(f"{removed}/restore")
    await expect(beside).to_have_text("What you typed here is kept.")
    await expect(stale).to_be_empty()

    await page.get_by_label("Year").fill("1900")
    await act("year/kind", kind="text", action="change")
    await expect(year).to_contain_text("changed from Whole number to Text. What you typed here is kept.")
    await act("year/kind", action="undo")
    await expect(year.locator(".news")).to_have_text("What you typed here is kept.")
    await expect(stale).to_be_empty()
    await act("year/kind", kind="decimal", action="change")
    await act("year", label="Printed in", help="", default="")
    await expect(year).to_contain_text("“Year” was renamed to “Printed in”.")
    await act("year", label="Year", help="", default="")
    await act("year/kind", action="undo")
    await expect(stale).to_be_empty()

    for number in range(5):
        assert (await ana.post("/c/books/fields", data={"label": f"New {number}", "kind": "text"})).status_code == 303
    assert (await ana.post("/c/books/fields", data={"label": "Id", "kind": "record_number"})).status_code == 303
    said = [f"“New {number}” was added." for number in (2, 3, 4)]
    await expect(stale.locator("p")).to_have_text(" ".join([*said, "And 2 more fields."]))
    await stale.get_by_role("button", name="Close").click()
    await expect(stale).to_be_empty()

    await page.get_by_role("button", name="Save").click()
    await expect(page.locator("dl.fields")).to_contain_text("Typed since")
    await expect(page.locator("dl.fields")).to_contain_text("1900")
    await ana.aclose()


@pytest.mark.parametrize("status", [204, 403])
async def test_a_late_answer_to_a_form_that_was_left_leaves_the_text_of_the_one_after_it(
    shared_server: Server, person: Any, status: int
) -> None:
    """The draft is too long to go along as the page is left: its answer comes when the form is open again."""
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/new")
    held: list[Route] = []

    async def hold_the_first(route: Route) -> None:
        if held:
            await route.abort()
        else:
            held.append(route)

    await page.route(DRAFT, hold_the_first)
    await page.get_by_label("Notes").fill("Long enough. " * 5000)
    await page.get_by_role("link", name="Books", exact=True).first.click()
    await until(lambda: len(held) == 1)
    await page.locator("a[href='/c/books/new']").first.click()
    await expect(page.get_by_text(BACK)).to_be_visible()
    await page.get_by_label("Title").fill("Newer")
    kept = "() => Object.values(sessionStorage).some((text) => text.includes('Newer'))"
    await until(lambda: page.evaluate(kept))
    async with page.expect_response(lambda answer: answer.url.endswith("/new/draft")):
        await held[0].fulfill(status=status, headers={"x-page": "1", "x-draft": "1"})
    await page.reload()
    await expect(page.get_by_label("Title")).to_have_value("Newer")
    await page.unroute(DRAFT)
    await page.get_by_role("button", name="Start over").click()
    await expect(page.get_by_label("Title")).to_have_value("")


async def test_what_a_tab_brings_back_is_not_written_over_what_was_typed_elsewhere_since(
    shared_server: Server, person: Any
) -> None:
    carla = await person(shared_server, "acme", "carla@acme.test")
    there = await person(shared_server, "acme", "carla@acme.test")
    await carla.open("/c/books/new")
    await type_kept(carla.page, "Title", "First")
    await carla.page.route(DRAFT, lambda route: route.abort())
    await carla.page.get_by_label("Title").fill("First, on")
    await carla.page.get_by_role("link", name="general").first.click()
    await expect(carla.page.get_by_label("Title")).to_have_count(0)
    await there.open("/c/books/new")
    await type_kept(there.page, "Title", "Newer")
    await carla.page.unroute(DRAFT)
    await carla.page.go_back()
    await expect(carla.page.get_by_label("Title")).to_have_value("First, on")
    await expect(carla.page.get_by_text(STRANDED)).to_be_visible()
    await there.open("/c/books/new")
    await expect(there.page.get_by_label("Title")).to_have_value("Newer")


async def test_a_page_says_why_nothing_can_be_added_any_more(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as client:
        await client.post("/collections/new", data={"name": "Closing", "first": "Title"})
    await ana.open("/c/closing/new")
    await type_kept(ana.page, "Title", "Half")
    shared_server.store.rows("UPDATE collection SET archived_at = created_at WHERE slug = 'closing'")
    await ana.page.get_by_label("Title").fill("Half a title")
    await expect(ana.page.get_by_text("Records can no longer be added here")).to_be_visible()
    await expect(ana.page.get_by_text(STRANDED)).to_be_hidden()


async def test_a_page_that_goes_on_with_a_draft_says_what_has_become_of_it(shared_server: Server, person: Any) -> None:
    bruno = await person(shared_server, "acme", "bruno@acme.test")
    there = await person(shared_server, "acme", "bruno@acme.test")
    await bruno.open("/c/books/new")
    await type_kept(bruno.page, "Title", "Of two pages")
    await there.open("/c/books/new")
    await expect(there.page.get_by_text(BACK)).to_be_visible()
    await save(bruno.page, "Of two pages")
    await expect(there.page.get_by_text("This was already added.")).to_be_visible()
    await expect(there.page.get_by_text(BACK)).to_have_count(0)
    await save(there.page, "Of two pages")
    assert there.page.url == bruno.page.url
    await bruno.open("/c/books/new")
    await type_kept(bruno.page, "Title", "Nobody wants it")
    await there.open("/c/books/new")
    await bruno.open("/c/books/new")
    await bruno.page.get_by_role("button", name="Start over").click()
    await expect(there.page.get_by_text("This draft was discarded")).to_be_visible()
    await type_kept(there.page, "Title", "Somebody wants it")
    await save(there.page, "Somebody wants it")


@pytest.mark.parametrize("reload", [False, True], ids=["typed on", "after a reload"])
@pytest.mark.parametrize("ended", ["Start over", "Save"])
async def test_a_tab_that_was_behind_has_its_draft_kept_again_when_the_other_s_is_settled(
    shared_server: Server, person: Any, ended: str, reload: bool
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    first = await ana.open("/c/books/new")
    second = await ana.context.new_page()
    await second.goto(ana.origin + "/c/books/new")
    await ready(second)
    await type_kept(second, "Title", "Of the second")
    await first.get_by_label("Title").fill(f"Behind one that pressed {ended}")
    await expect(first.get_by_text(STRANDED)).to_be_visible()
    await expect(first.get_by_text("Draft saved")).to_be_hidden()
    asked: list[str] = []
    first.on("request", lambda request: asked.append(request.url) if request.url.endswith("/new/draft") else None)
    if ended == "Save":
        await save(second, "Of the second")
        await second.goto(ana.origin + "/c/books/new")
        await ready(second)
    else:
        await second.reload()
        await ready(second)
        await second.get_by_role("button", name=ended).click()
        await expect(second.get_by_label("Title")).to_have_value("")
    await type_kept(second, "Notes", "Begun anew")  # a tab that nobody types in takes no draft away
    await type_kept(second, "Notes", "")
    await expect(second.get_by_text(STRANDED)).to_be_hidden()
    assert asked == []
    await second.close()
    if reload:
        await first.reload()
        await ready(first)
    await type_kept(first, "Author", f"Somebody, {reload}")
    await expect(first.get_by_text(STRANDED)).to_be_hidden()
    await expect(first.get_by_text("Draft saved")).to_be_visible()
    there = await person(shared_server, "acme", "ana@acme.test")
    await there.open("/c/books/new")
    await expect(there.page.get_by_label("Title")).to_have_value(f"Behind one that pressed {ended}")
    await save(first, f"Behind one that pressed {ended}")
    assert authors(shared_server, f"Behind one that pressed {ended}").count(f"Somebody, {reload}") == 1
