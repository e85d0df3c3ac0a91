"""What makes a room one that people like to read and write in."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from playwright.async_api import expect

from tests.browser.pages import assert_equals_a_fresh_load
from tests.conftest import Server

LONG = (
    "The delivery from the print shop arrives on Thursday, so the shelves in the back room should be free by"
    " Wednesday evening. Whoever has keys, please leave them with Carla, and put the old catalogues into the"
    " two boxes near the door, not beneath the window as last year, since it rained in there for a week."
)
# How many characters each line of the last message has.
LINES = """() => {
  const text = [...document.querySelectorAll('.message .text p')].at(-1).firstChild;
  const range = document.createRange();
  const counts = new Map();
  for (let place = 0; place < text.length; place++) {
    range.setStart(text, place);
    range.setEnd(text, place + 1);
    const { top } = range.getBoundingClientRect();
    counts.set(top, (counts.get(top) ?? 0) + 1);
  }
  return [...counts.values()];
}"""


async def test_a_line_has_about_seventy_characters_however_wide_the_window(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    async with aclosing(server.let_in("acme", "carla@acme.test")) as client:
        await client.post("/chat/general", data={"text": LONG, "key": "a long one"})
    for width in (1280, 1920):
        await ana.page.set_viewport_size({"width": width, "height": 900})
        page = await ana.open("/chat/general")
        assert 55 < max(await page.evaluate(LINES)) <= 72


async def test_an_empty_room_introduces_itself_until_somebody_writes(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    page = await ana.open("/chat/new")
    await page.get_by_label("Name").fill("Festival")
    await page.get_by_label("What it is for").fill("Lanterns and music")
    await page.get_by_role("button", name="Create room").click()
    welcome = page.locator(".welcome")
    await expect(welcome).to_contain_text("Lanterns and music")
    await expect(welcome).to_contain_text("1 person is in it.")
    await expect(welcome.get_by_role("link", name="Invite people")).to_be_visible()
    seen = await carla.open("/chat/festival")
    await seen.get_by_role("button", name="Join").click()
    await expect(welcome).to_contain_text("2 people are in it.")
    await expect(welcome.locator(".avatar")).to_have_count(2)

    await welcome.get_by_role("link", name="Write a message").click()
    await expect(page.get_by_label("Message", exact=True)).to_be_focused()
    await page.keyboard.type("Hello")
    await page.keyboard.press("Enter")
    await expect(page.locator("ol.messages > .message")).to_have_count(1)
    await expect(welcome).to_be_hidden()
    await expect(seen.locator(".welcome")).to_be_hidden()


async def test_a_direct_room_shows_the_other_also_where_it_comes_with_a_message(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    page = await ana.open("/c/books")
    async with aclosing(server.let_in("acme", "carla@acme.test")) as client:
        made = await client.post("/chat/direct", data={"person": "Ana"})
    other = await carla.open(made.headers["location"])
    await expect(other.locator(".room .name .avatar")).to_have_text("AN")
    await other.get_by_label("Message", exact=True).fill("Hi Ana")
    await other.get_by_role("button", name="Send").click()
    line = page.locator("#rooms li", has_text="Carla")
    await expect(line.locator(".avatar")).to_have_text("CA")
    await expect(other.locator("#rooms li", has_text="Ana").locator(".avatar")).to_have_text("AN")
    await assert_equals_a_fresh_load(page)
