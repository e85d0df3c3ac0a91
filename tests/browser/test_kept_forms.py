"""Forms that take a while to fill in: what was typed outlives links, reloads, sign-outs and refusals, in its tab."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect

from app.demo import PASSWORD
from tests.browser.pages import ready
from tests.conftest import Server

BACK = "What you typed here and did not send was restored."
# Each form with a field of it that takes a text.
FORMS = [
    ("/announcements", "#field-text"),
    ("/c/books/import", "#field-table"),
    ("/c/books/fields", "#field-help"),
    ("/collections/new", "#field-first"),
    ("/settings", "#field-name"),
    ("/chat/new", "#field-description"),
    ("/chat/general/about", "[action$='/about'] #field-description"),
    ("/members", "#field-email"),
    ("/notifications/preferences", "#field-quiet_from"),
]


async def sign_in_again(page: Page, email: str) -> None:
    await page.locator("details.person summary").click()
    await page.get_by_role("button", name="Sign out").click()
    await page.get_by_label("Email").fill(email)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await ready(page)


@pytest.mark.parametrize(("path", "field"), FORMS, ids=[path for path, _ in FORMS])
async def test_typed_text_outlives_a_link_and_a_reload(
    shared_server: Server, person: Any, path: str, field: str
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.open(path)
    text = "22:15" if "quiet" in field else "Typed & kept"
    await ana.page.locator(field).fill(text)
    await ana.page.locator(".side").get_by_role("link", name="general").click()
    await expect(ana.page.locator(field)).to_have_count(0)
    await ana.open(path)
    await expect(ana.page.locator(field)).to_have_value(text)
    await ana.page.reload()
    await expect(ana.page.locator(field)).to_have_value(text)
    form = ana.page.locator("kept-form", has=ana.page.locator(field))
    await expect(form.get_by_text(BACK)).to_be_visible()
    await form.get_by_role("button", name="Start over").click()
    await expect(ana.page.locator(field)).not_to_have_value(text)
    await ana.page.reload()
    await ready(ana.page)
    await expect(ana.page.locator(field)).not_to_have_value(text)


async def test_typed_text_outlives_a_sign_out_and_is_never_somebody_elses(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.open("/announcements")
    await ana.page.get_by_label("Title").fill("Only Ana's")
    await ana.page.get_by_label("Text", exact=True).fill("Two\nlines")
    await ana.page.get_by_label("Everyone has to confirm").check()
    await sign_in_again(ana.page, "bruno@acme.test")
    await ana.open("/announcements")
    await expect(ana.page.get_by_label("Title")).to_have_value("")
    await expect(ana.page.get_by_text(BACK)).to_be_hidden()
    await sign_in_again(ana.page, "ana@acme.test")
    await ana.open("/announcements")
    await expect(ana.page.get_by_label("Title")).to_have_value("Only Ana's")
    await expect(ana.page.get_by_label("Text", exact=True)).to_have_value("Two\nlines")
    await expect(ana.page.get_by_label("Everyone has to confirm")).to_be_checked()


async def test_what_was_sent_is_kept_no_more_and_what_was_refused_is(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.open("/c/books/fields")
    await ana.page.locator("#field-label").fill("Shelf")
    await ana.page.get_by_label("Type").select_option(label="Choice")
    await ana.page.get_by_role("button", name="Add field").click()
    await expect(ana.page.get_by_text("Enter one choice per line.")).to_be_visible()
    await ana.open("/c/books")
    await ana.open("/c/books/fields")
    await expect(ana.page.locator("#field-label")).to_have_value("Shelf")
    await expect(ana.page.get_by_label("Type")).to_have_value("choice")
    await ana.page.locator("#field-choices").fill("Left\nRight")
    await ana.page.get_by_role("button", name="Add field").click()
    await expect(ana.page.get_by_text("Field added.")).to_be_visible()
    await expect(ana.page.locator("#field-label")).to_be_focused()  # for the next one
    await expect(ana.page.locator("#field-label")).to_have_value("")
    await ana.page.reload()
    await ready(ana.page)
    await expect(ana.page.locator("#field-label")).to_have_value("")


async def test_a_table_is_kept_until_it_is_imported(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.open("/c/books/import")
    await ana.page.get_by_label("Table").fill("Title\nKept until imported\n")
    await ana.page.get_by_role("button", name="Preview import").click()
    await expect(ana.page.get_by_role("heading", name="Import preview")).to_be_visible()
    await ana.open("/c/books")
    await ana.open("/c/books/import")
    await expect(ana.page.get_by_label("Table")).to_have_value("Title\nKept until imported\n")
    await ana.page.get_by_role("button", name="Preview import").click()
    await ana.page.get_by_role("button", name="Import", exact=True).click()
    await expect(ana.page.get_by_text("Table imported: 1 record added.")).to_be_visible()
    await ana.open("/c/books/import")
    await expect(ana.page.get_by_label("Table")).to_have_value("")


# Made in the page: through the browser's driver it would be copied and encoded on its way there and back.
TOO_LONG = "'Title\\n' + 'é'.repeat(1_440_000)"


async def fill_too_long(table: Locator) -> None:
    fill = f"(area) => {{ area.value = {TOO_LONG}; area.dispatchEvent(new Event('input', {{ bubbles: true }})); }}"
    await table.evaluate(fill)


async def test_a_table_that_is_too_long_stays_and_is_said_to_be(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.open("/c/books/import")
    await fill_too_long(ana.page.get_by_label("Table"))
    await ana.page.get_by_role("button", name="Preview import").click()
    await expect(ana.page.get_by_text("This is too long")).to_be_visible()
    await expect(ana.page.get_by_label("Table")).to_be_focused()
    assert await ana.page.get_by_label("Table").evaluate(f"(area) => area.value === {TOO_LONG}")
    await ana.page.get_by_label("Table").fill("Title\n")
    await expect(ana.page.get_by_text("This is too long")).to_be_hidden()


async def test_a_table_that_is_too_long_stays_without_scripts(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test", java_script_enabled=False)
    page = await ana.open("/c/books/import", live=False)
    await fill_too_long(page.get_by_label("Table"))
    await page.get_by_role("button", name="Preview import").click()
    await expect(page.get_by_text("larger than the page accepts")).to_be_visible()
    await page.go_back()
    assert await page.get_by_label("Table").evaluate(f"(area) => area.value === {TOO_LONG}")


async def test_a_cancelled_form_and_secrets_are_not_kept(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.open("/account/security")
    await ana.page.get_by_label("Current password").fill("a secret of mine")
    await ana.open("/collections/new")
    await ana.page.get_by_label("First field").fill("Given up")
    await ana.page.get_by_role("link", name="Cancel").click()
    await ana.open("/collections/new")
    await expect(ana.page.get_by_label("First field")).to_have_value("")
    assert await ana.page.evaluate("() => Object.keys(sessionStorage).filter((name) => name.startsWith('kept'))") == []
    assert "a secret" not in await ana.page.evaluate("() => JSON.stringify({...sessionStorage})")


async def test_what_comes_back_after_a_reload_is_not_saved_over_what_others_have_saved_since(
    shared_server: Server, person: Any
) -> None:
    """It goes on from what was seen as it was typed."""
    async with shared_server.let_in("acme", "bruno@acme.test") as bruno:
        made = await bruno.post("/collections/new", data={"name": "Kept tools", "first": "Title"})
        address = made.headers["location"].partition("/fields")[0]
        ana = await person(shared_server, "acme", "ana@acme.test")
        page: Page = await ana.open(f"{address}/fields")
        about = page.locator("form[action$='/rename']")
        await about.get_by_label("Description").fill("Mine")
        theirs = {"collection_name": "Kept instruments", "description": "Theirs"}
        renamed = await bruno.post(f"{address}/rename", data=theirs)
        assert renamed.status_code == 303
        await page.reload()
        await ready(page)
        await expect(about.get_by_label("Description")).to_have_value("Mine")
        await about.get_by_role("button", name="Save").click()
        await expect(about.get_by_text("This has been changed since you opened it.")).to_be_visible()
        await expect(about.get_by_role("row", name="Description Mine Theirs")).to_be_visible()
        await expect(about.get_by_role("row")).to_have_count(2)
        await expect(about.get_by_label("Name")).to_have_value("Kept instruments")
        await about.get_by_role("button", name="Save").click()
        await expect(page.get_by_role("heading", name="Fields of Kept instruments")).to_be_visible()
        await expect(about.get_by_label("Description")).to_have_value("Mine")
        await expect(about.get_by_role("row")).to_have_count(0)
