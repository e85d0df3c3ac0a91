"""Asking first in a dialog, and taking back from a toast."""

from __future__ import annotations

from contextlib import aclosing
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
    await expect(dialog).to_contain_text("They won't be able to sign in until you restore access.")
    await expect(dialog.get_by_role("link", name="Cancel")).to_be_focused()
    await page.keyboard.press("Escape")
    await expect(dialog).to_be_hidden()
    await expect(link).to_be_focused()
    await link.click()
    await dialog.get_by_role("button", name="Suspend Carla").click()
    await expect(page.get_by_text("Carla is suspended.")).to_be_visible()
    await expect(page.locator("#main h1")).to_be_focused()

    await page.goto(f"{ana.origin}/chat/general?at=end")
    await ready(page)
    await page.get_by_label("Message", exact=True).fill("Said too early")
    await page.get_by_role("button", name="Send").click()
    last = page.locator("ol.messages > .message").last
    await expect(last).to_contain_text("Said too early")
    await last.hover()
    await last.locator("summary[aria-label='Delete message']").click()
    await last.get_by_role("button", name="Delete now").click()
    await expect(last).to_contain_text("Deleted by Ana")
    toast = page.get_by_role("status", name="New notifications").locator(".toast")
    await expect(toast).to_contain_text("The message was deleted.")
    await expect(last).to_be_focused()
    await page.get_by_label("Message", exact=True).focus()
    await toast.get_by_role("button", name="Undo").press("Enter")
    await expect(last).to_contain_text("Said too early")
    await expect(last).to_be_focused()
    await expect(toast).to_have_count(0)
    assert "/undo/" not in page.url, "the page stays"


async def test_a_page_that_ends_by_an_act_is_not_asked_for_again_and_who_is_taken_out_of_a_room_is_told(
    server: Server, person: Any
) -> None:
    ana, carla = await person(server, "acme", "ana@acme.test"), await person(server, "acme", "carla@acme.test")
    page = ana.page
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as client:
        room = (await client.post("/chat/new", data={"name": "Inner", "private": "yes"})).headers["location"]
        await client.post(f"{room}/invite", data={"person": "#3"})
    await carla.page.goto(f"{carla.origin}{room}")
    await ready(carla.page)
    await page.goto(f"{ana.origin}{room}/about")
    await page.get_by_role("button", name="Remove Carla").click()
    await expect(page.locator(".toast")).to_contain_text("Carla is no longer in the room.")
    await expect(carla.page.get_by_text("You are no longer in the room.")).to_be_visible()
    await expect(carla.page.get_by_role("heading", name="Rooms", level=1)).to_be_visible()

    # The push that makes pages of this member fetch themselves anew comes before the answer to the form does.
    await page.goto(f"{ana.origin}/members/4")
    await ready(page)

    refreshed: list[str] = []
    page.on("request", lambda request: refreshed.append(request.url) if "x-refresh" in request.headers else None)
    await page.evaluate("""() => {
        const ask = window.fetch, main = document.getElementById("main"), shown = Number(main.dataset.cursor);
        window.fetch = async (address, options) => {
            const answer = await ask(address, options);
            if (String(address).endsWith("/remove") && options.method === "POST")
                while (Number(main.dataset.cursor) <= shown) await new Promise(requestAnimationFrame);
            return answer;
        };
    }""")
    await page.get_by_role("link", name="Remove Davi").click()
    await page.get_by_role("dialog").get_by_role("button", name="Remove Davi").click()
    await expect(page.get_by_text("Davi is no longer a member.")).to_be_visible()
    assert f"{ana.origin}/members/4" not in refreshed
