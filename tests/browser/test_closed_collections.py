"""A collection is archived, opened again, deleted and restored, while others look at it and type into it."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from playwright.async_api import Response, expect

from tests.browser.pages import confirm, ready
from tests.conftest import Server
from tests.fields import TITLE

FIELDS = "/c/books/fields"


async def test_who_types_while_a_collection_is_archived_keeps_it_and_goes_on_when_it_is_open_again(
    server: Server, person: Any
) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    page = await ana.open(FIELDS)
    typing = await carla.open("/c/books/7/edit")
    davi = await person(server, "acme", "davi@acme.test")
    adding = await davi.open("/c/books/new")
    await adding.locator(f"[name={TITLE}]").fill("Half a title")
    await expect(adding.get_by_text("Draft saved")).to_be_visible()
    await typing.locator(f"[name={TITLE}]").fill("Typed by Carla")
    await expect(typing.get_by_text("Draft saved")).to_be_visible()
    await page.get_by_role("link", name="Archive collection").click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("It has 42 records.")
    await expect(dialog).to_contain_text("in it right now: Carla, Davi.")
    await dialog.get_by_role("button", name="Archive collection").click()
    await expect(page.get_by_text("This collection is archived")).to_be_visible()
    await expect(typing.get_by_text("This collection is archived")).to_be_visible()
    await expect(typing.get_by_text("You have unsaved changes")).to_be_visible()
    await expect(typing.get_by_role("link", name="Continue with them")).to_be_hidden()
    await expect(typing.locator("#collections")).not_to_contain_text("Books")
    await page.get_by_role("button", name="Reopen").click()
    await expect(typing.get_by_role("link", name="Continue with them")).to_be_visible()
    await expect(typing.locator("#collections")).to_contain_text("Books")
    await typing.get_by_role("link", name="Continue with them").click()
    await typing.get_by_role("button", name="Restore").click()
    await expect(typing.locator(f"#field-{TITLE}")).to_have_value("Typed by Carla")
    await typing.get_by_role("button", name="Save").click()
    await expect(typing.get_by_role("heading", level=1)).to_have_text("Typed by Carla")
    await adding.goto(server.url("acme", "/c/books/new"))
    await expect(adding.locator(f"[name={TITLE}]")).to_have_value("Half a title")


async def test_a_form_says_at_once_that_its_collection_is_archived_with_not_a_key_more(
    server: Server, person: Any
) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    davi = await person(server, "acme", "davi@acme.test")
    typing = await carla.open("/c/books/7/edit")
    adding = await davi.open("/c/books/new")
    for page in (typing, adding):  # what is asked for by itself, as time goes by, is not waited for
        await page.clock.install()
        await page.clock.pause_at(await page.evaluate("Date.now() + 100"))
    ana = await server.sign_in("acme", "ana@acme.test")
    await ana.post("/c/books/archive", data={"archived": "yes"})
    await expect(adding.get_by_text("Records can no longer be added here")).to_be_visible()
    await expect(typing.get_by_text("This collection is archived")).to_be_visible()
    await ana.aclose()


async def test_a_deleted_collection_is_gone_from_open_pages_and_comes_back_with_what_was_typed(
    server: Server, person: Any
) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    page = await ana.open(FIELDS)
    bruno = await person(server, "acme", "bruno@acme.test")
    room = await bruno.open("/chat/general")
    davi = await person(server, "acme", "davi@acme.test")
    adding = await davi.open("/c/books/new")
    await adding.locator(f"[name={TITLE}]").fill("Half a title")
    await expect(adding.get_by_text("Draft saved")).to_be_visible()
    discussing = await davi.context.new_page()
    await discussing.goto(server.url("acme", "/c/books/40"))
    await ready(discussing)
    await discussing.locator("message-composer textarea").fill("Half a sentence")
    typing = await carla.open("/c/books/7/edit")
    await expect(room.locator("#room-1-messages")).to_contain_text("Dom Casmurro")
    await typing.locator(f"[name={TITLE}]").fill("Typed by Carla")
    await expect(typing.get_by_text("Draft saved")).to_be_visible()
    await confirm(page, "Delete collection")
    await expect(page.get_by_role("heading", name="Deleted collections")).to_be_visible()
    await expect(room.locator("#room-1-messages")).not_to_contain_text("Dom Casmurro")
    await expect(room.locator("#room-1-messages")).to_contain_text("#40")
    await expect(room.locator("#collections")).not_to_contain_text("Books")
    await expect(typing.get_by_text("This can no longer be changed.")).to_be_visible()
    await expect(typing.locator(f"[name={TITLE}]")).to_have_value("Typed by Carla")
    await expect(adding.get_by_text("Records can no longer be added here")).to_be_visible()
    await expect(adding.locator(f"[name={TITLE}]")).to_have_value("Half a title")
    await expect(discussing.get_by_text("The page doesn't exist")).to_be_visible()
    await expect(discussing.locator("message-composer textarea")).to_have_value("Half a sentence")
    await page.get_by_role("button", name="Restore Books").click()
    await expect(page.get_by_role("heading", level=1)).to_have_text("Books")
    await expect(room.locator("#room-1-messages")).to_contain_text("Dom Casmurro")
    await typing.goto(server.url("acme", "/c/books/7"))
    await ready(typing)
    await expect(typing.get_by_role("link", name="Continue with them")).to_be_visible()


async def test_who_may_not_see_a_record_any_more_keeps_the_page_to_copy_what_was_typed(
    server: Server, person: Any
) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    typing = await carla.open("/c/books/7/edit")
    await typing.locator(f"[name={TITLE}]").fill("Typed by Carla")
    await expect(typing.get_by_text("Draft saved")).to_be_visible()
    ana = await server.sign_in("acme", "ana@acme.test")
    await ana.post("/c/books/permissions", data={"member-edit": "none", "member-delete": "none"})
    await ana.aclose()
    await expect(typing.get_by_text("This can no longer be changed.")).to_be_visible()
    await expect(typing.locator(f"[name={TITLE}]")).to_have_value("Typed by Carla")


async def test_a_link_to_a_record_is_plain_text_for_whom_it_is_not(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    await ana.open("/chat/general")
    room = await carla.open("/chat/general")
    cards: list[tuple[str, int]] = []

    def note(response: Response) -> None:
        if "/cards/" in response.url:
            cards.append((response.url, response.status))

    room.on("response", note)
    text = f"See #7, and {server.url('acme', '/c/books/40')}, and /chat/general"
    await ana.page.locator("message-composer textarea").fill(text)
    await ana.page.get_by_role("button", name="Send").click()
    said = room.locator("#room-1-messages .message").filter(has_text="See #7,").first.locator(".text")
    await expect(said.get_by_role("link")).to_have_count(2)
    forbidden = {"member-edit": "none", "member-delete": "none"}
    allowed = {"member-browse": "yes", "member-read": "yes", **forbidden}
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as client:
        await client.post("/c/books/permissions", data=forbidden)
        await expect(said).to_contain_text("See #7, and books #40")
        await expect(said.get_by_role("link")).to_have_count(0)
        await expect(ana.page.locator("#room-1-messages .message").last.locator(".text a[href]")).to_have_count(2)
        await ana.page.locator("message-composer textarea").fill(text.replace("See", "Also see"))
        await ana.page.get_by_role("button", name="Send").click()
        pushed = room.locator("#room-1-messages .message").filter(has_text="Also see #7").locator(".text")
        await expect(pushed).to_contain_text("Also see #7, and books #40")
        await expect(pushed.get_by_role("link")).to_have_count(0)
        assert {status for _, status in cards} == {200}, "what asks by itself is refused nothing"
        cards.clear()
        await room.reload()
        await expect(said.get_by_role("link")).to_have_count(0)
        assert cards == [], "a page asks for nothing that is not for its reader"
        await client.post("/c/books/permissions", data=allowed)
        await expect(said.get_by_role("link")).to_have_count(2)
