"""Tokens in the browser: made, copied and ended; and a script that edits is seen on open pages."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from playwright.async_api import expect

from tests.browser.pages import ready
from tests.conftest import Server
from tests.programs.conftest import API, call_with


async def test_a_token_is_made_copied_used_and_ended(server: Server, person: Any) -> None:
    ana, bruno = await person(server, "acme", "ana@acme.test"), await person(server, "acme", "bruno@acme.test")
    page = ana.page
    await page.goto(f"{ana.origin}/account")
    await ready(page)
    await page.get_by_role("link", name="Tokens", exact=True).click()
    await page.get_by_label("Name", exact=True).fill("nightly")
    await page.get_by_label("Add, change and delete records").check()
    await page.get_by_label("Only in these collections").fill("books, poems")
    await page.get_by_role("button", name="Create token").click()
    await expect(page.get_by_text("Nothing here has the address “poems”.")).to_be_visible()
    await expect(page.get_by_label("Add, change and delete records")).to_be_checked()
    await page.get_by_label("Only in these collections").fill("books")
    await page.get_by_role("button", name="Create token").click()
    box = page.get_by_label("Your new token")
    await expect(box).to_be_visible()
    secret = await box.input_value()
    await ana.context.grant_permissions(["clipboard-read", "clipboard-write"], origin=ana.origin)
    await page.get_by_role("button", name="Copy").first.click()
    await expect(page.get_by_role("button", name="Copied")).to_be_visible()
    assert await page.evaluate("navigator.clipboard.readText()") == secret
    await expect(page.locator("#first-call")).to_have_text(
        f'curl -H "Authorization: Bearer {secret}" {ana.origin}{API}/collections'
    )

    await bruno.open("/c/books/40")
    async with aclosing(call_with(server, "acme", secret)) as program:
        assert (await program.post(f"{API}/collections/books/records/40/lock")).status_code == 201
        banner = bruno.page.locator("#main").get_by_role("status").filter(has_text="has been editing")
        await expect(banner).to_contain_text("Ana, with the script “nightly” has been editing")
        await page.goto(f"{ana.origin}/account/tokens")
        await ready(page)
        await page.get_by_role("link", name="Revoke the token nightly").click()
        await page.get_by_role("dialog").get_by_role("button", name="Revoke token").click()
        await expect(page.get_by_text("Token revoked.")).to_be_visible()
        await expect(page.get_by_text("No tokens yet.")).to_be_visible()
        await expect(banner).to_have_count(0)
        assert (await program.get(f"{API}/collections")).status_code == 401
