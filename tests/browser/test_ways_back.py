"""Asking first in a dialog, and taking back from a toast."""

from __future__ import annotations

from typing import Any

from playwright.async_api import expect

from tests.browser.pages import ready
from tests.conftest import Server


async def test_a_question_is_asked_in_a_dialog_and_a_deleted_message_comes_back_from_a_toast(
    server: Server, person: Any
) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = ana.page
    await page.goto(f"{ana.origin}/members/3")
    await ready(page)
    link = page.get_by_role("link", name="Suspend Carla")
    dialog = page.get_by_role("dialog", name="Suspend Carla?")
    await link.click()
    await expect(dialog).to_contain_text("They can't sign in until you let them in again.")
    await expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(link).to_be_focused()
    await link.click()
    await dialog.get_by_role("button", name="Suspend Carla").click()
    await expect(page.get_by_text("They are kept out.")).to_be_visible()

    await page.goto(f"{ana.origin}/chat/general?at=end")
    await ready(page)
    await page.get_by_label("Message", exact=True).fill("Said too early")
    await page.get_by_role("button", name="Send").click()
    last = page.locator("ol.messages > .message").last
    await expect(last).to_contain_text("Said too early")
    await last.hover()
    await last.locator("summary[aria-label='Delete message']").click()
    await last.get_by_role("button", name="Delete it now").click()
    await expect(last).to_contain_text("Deleted by Ana")
    toast = page.get_by_role("status", name="New notifications").locator(".toast")
    await expect(toast).to_contain_text("The message was deleted.")
    await toast.get_by_role("button", name="Undo").click()
    await expect(last).to_contain_text("Said too early")
    await expect(toast).to_have_count(0)
    assert "/undo/" not in page.url, "the page stays"
