"""The tone of skin that somebody's emoji have."""

from __future__ import annotations

from typing import Any

from playwright.async_api import expect

from tests.browser.lines import say_lines
from tests.conftest import Server


async def test_a_tone_is_chosen_once_for_the_picker_the_completion_and_reactions(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    await say_lines(server, ["Shall we?"])
    page = await ana.open("/chat/general")
    box = page.get_by_label("Message", exact=True)
    search = page.get_by_role("combobox", name="Search emoji")
    cells = page.get_by_role("grid", name="Emoji").get_by_role("gridcell")
    tones = page.get_by_role("radiogroup", name="Skin tone").get_by_role("radio")
    last = page.locator("ol.messages > .message").last

    await page.get_by_role("button", name="Emoji").click()
    await expect(tones).to_have_count(6)
    await expect(page.get_by_role("radio", name="Default")).to_be_checked()
    await search.fill("waving")
    await expect(cells.first).to_have_text("👋")
    await search.press("Tab")
    await expect(page.get_by_role("radio", name="Default")).to_be_focused()
    for _ in range(3):
        await page.keyboard.press("ArrowRight")
    await expect(page.get_by_role("radio", name="Medium", exact=True)).to_be_checked()
    await expect(search).to_have_value("waving")
    await expect(cells.first).to_have_text("👋🏽")
    await page.keyboard.press("Shift+Tab")
    await search.press("Enter")
    await expect(box).to_have_value("👋🏽")
    await page.keyboard.type(" :+1")
    await expect(page.locator("#completion [aria-selected=true]")).to_have_text("👍🏽 :+1:")
    await page.keyboard.press("Tab")
    await page.keyboard.type(":tada")
    await expect(page.locator("#completion [aria-selected=true]")).to_have_text("🎉 :tada:")
    await page.keyboard.press("Tab")
    await expect(box).to_have_value("👋🏽 👍🏽 🎉 ")

    # Those used last are so whatever the tone; without one they are as they were.
    page = await ana.open("/chat/general")
    await last.hover()
    await last.get_by_role("button", name="React").click()
    recent = page.get_by_role("rowgroup", name="Recently used").get_by_role("gridcell").first
    await expect(recent).to_have_text("👋🏽")
    await page.get_by_title("Dark", exact=True).click()
    await expect(recent).to_have_text("👋🏿")
    await recent.click()
    await expect(last.locator(".reactions")).to_contain_text("👋🏿 1")
    await last.hover()
    await last.get_by_role("button", name="React").click()
    await page.get_by_title("Default").click()
    await recent.click()
    await expect(last.locator(".reactions button[aria-pressed=true]")).to_have_text(["👋🏿 1", "👋 1"])
