"""What is typed into the box of a room can be copied where one may only read by now, and is back in the box after."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from playwright.async_api import Locator, Page, expect

from tests.browser.lines import say_lines
from tests.browser.pages import ready
from tests.conftest import Person, Server

ROOM = "/chat/closed-rooms"


def box(page: Page) -> Locator:
    return page.get_by_label("Message", exact=True)


def kept(page: Page) -> Locator:
    return page.locator("#unsent-text")


async def copied(page: Page, button: Locator) -> str:
    """What a button has put on the clipboard."""
    await button.click()
    await expect(button).to_have_text("Copied")
    return str(await page.evaluate("navigator.clipboard.readText()"))


async def sign_in_carla(server: Server, person: Any) -> Person:
    carla: Person = await person(server, "acme", "carla@acme.test")
    await carla.context.grant_permissions(["clipboard-read", "clipboard-write"])
    return carla


async def test_what_is_typed_as_the_room_is_archived_is_shown_and_back_in_the_box_after(
    server: Server, person: Any
) -> None:
    carla = await sign_in_carla(server, person)
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        await ana.post("/chat/new", data={"name": "Closed rooms"})
        page = await carla.open(ROOM)
        await carla.context.route("**/draft", lambda route: route.abort())  # the tab alone has it
        await box(page).fill("Typed by Carla\nas it was archived")
        await ana.post(f"{ROOM}/archive", data={"archived": "yes"})
        await expect(page.get_by_text("This room is archived")).to_be_visible()
        await expect(box(page)).to_have_count(0)
        await expect(kept(page)).to_have_value("Typed by Carla\nas it was archived")
        await expect(page.get_by_text("It is kept, and back in the box")).to_be_visible()
        button = page.locator("unsent-message [data-typed] copy-text button")
        assert await copied(page, button) == "Typed by Carla\nas it was archived"
        davi = await person(server, "acme", "davi@acme.test")
        await expect((await davi.open(ROOM)).locator("unsent-message [data-typed]")).to_be_hidden()
        await page.reload()
        await ready(page)
        await expect(kept(page)).to_have_value("Typed by Carla\nas it was archived")
        discard, undo = (page.get_by_role("button", name=name) for name in ("Discard", "Undo"))
        async with page.expect_event("requestfailed"):
            await carla.context.route("**/draft/discard", lambda route: route.abort())
            await discard.click()
        await page.reload()
        await ready(page)
        await expect(kept(page)).to_have_value("Typed by Carla\nas it was archived")
        await carla.context.unroute_all(behavior="wait")
        await discard.click()
        await expect(kept(page)).to_be_hidden()
        await undo.click()
        await expect(kept(page)).to_have_value("Typed by Carla\nas it was archived")
        await ana.post(f"{ROOM}/archive", data={"archived": ""})
        await expect(box(page)).to_have_value("Typed by Carla\nas it was archived")
        await expect(page.locator("unsent-message")).to_have_count(0)


async def test_a_kept_text_is_discarded_and_taken_back_where_the_room_is_archived(server: Server, person: Any) -> None:
    carla = await sign_in_carla(server, person)
    async with (
        aclosing(await server.sign_in("acme", "ana@acme.test")) as ana,
        aclosing(await server.sign_in("acme", "carla@acme.test")) as elsewhere,
    ):
        await ana.post("/chat/new", data={"name": "Closed rooms"})
        await elsewhere.post(f"{ROOM}/draft", data={"text": "Typed elsewhere", "key": "elsewhere"})
        await ana.post(f"{ROOM}/archive", data={"archived": "yes"})
        page = await carla.open(ROOM)
        await expect(kept(page)).to_have_value("Typed elsewhere")
        await page.get_by_role("button", name="Discard").click()
        await expect(page.locator("unsent-message [data-typed]")).to_be_hidden()
        await page.get_by_role("button", name="Undo").click()
        await expect(kept(page)).to_be_visible()
        await expect(kept(page)).to_have_value("Typed elsewhere")
        await page.get_by_role("button", name="Discard").click()
        await expect(page.locator("unsent-message [data-typed]")).to_be_hidden()
        await ana.post(f"{ROOM}/archive", data={"archived": ""})
        await expect(box(page)).to_have_value("")


async def test_a_kept_text_names_its_files_and_the_message_that_it_answers(server: Server, person: Any) -> None:
    carla = await sign_in_carla(server, person)
    await say_lines(server, ["Who has the key?"], "bruno")
    page = await carla.open("/chat/general?at=end")
    line = page.locator("ol.messages > .message").filter(has_text="Who has the key?")
    await line.hover()
    await line.get_by_role("link", name="Reply").click()
    await box(page).fill("I have it")
    file: Any = {"name": "key.txt", "mimeType": "text/plain", "buffer": b"key"}
    await page.locator("[data-attach]").set_input_files([file])
    await expect(page.locator(".brought [name=file]")).to_have_count(1)
    async with page.expect_response("**/draft"):
        await box(page).press("End")
        await box(page).press_sequentially(".")
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        await ana.post("/members/3/role", data={"role": "viewer"})
    await expect(page.get_by_text("You are a viewer")).to_be_visible()
    elsewhere = await person(server, "acme", "carla@acme.test")
    for where in (page, await elsewhere.open("/chat/general")):
        typed = where.locator("unsent-message [data-typed]")
        await expect(kept(where)).to_have_value("I have it.")
        await expect(typed.get_by_text("Reply to Bruno: Who has the key?")).to_be_visible()
        await expect(typed.get_by_text("Files: key.txt")).to_be_visible()


async def test_a_rewrite_and_what_was_typed_beside_it_are_shown_to_who_is_a_viewer_now(
    server: Server, person: Any
) -> None:
    carla = await sign_in_carla(server, person)
    await say_lines(server, ["Said by Carla"], "carla")
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        page = await carla.open("/chat/general?at=end")
        await box(page).fill("Typed before")
        line = page.locator("ol.messages > .message").filter(has_text="Said by Carla")
        await line.hover()
        await line.get_by_role("link", name="Edit message").click()
        await expect(box(page)).to_have_value("Said by Carla")
        await box(page).fill("Said better by Carla")
        await ana.post("/members/3/role", data={"role": "viewer"})
        await expect(page.get_by_text("You are a viewer")).to_be_visible()
        await expect(kept(page)).to_have_value("Typed before")
        rewrite = page.locator("unsent-message [data-rewrite]")
        await expect(rewrite.locator("textarea")).to_have_value("Said better by Carla")
        assert await copied(page, rewrite.locator("copy-text button")) == "Said better by Carla"
        discard, undo = (rewrite.get_by_role("button", name=name) for name in ("Discard", "Undo"))
        await discard.click()
        await expect(rewrite.locator("textarea")).to_be_hidden()
        await undo.click()
        await expect(rewrite.locator("textarea")).to_have_value("Said better by Carla")
        await page.reload()
        await ready(page)
        await expect(rewrite.locator("textarea")).to_have_value("Said better by Carla")
        await discard.click()
        await expect(undo).to_be_focused()
        await page.reload()
        await ready(page)
        await expect(kept(page)).to_have_value("Typed before")
        await expect(rewrite).to_have_count(0)
