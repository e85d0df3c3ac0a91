"""What makes a room one that people like to read and write in."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from playwright.async_api import expect

from tests.browser.lines import say_lines
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
    await page.get_by_label("Description").fill("Lanterns and music")
    await page.get_by_role("button", name="Create room").click()
    welcome = page.locator(".welcome")
    await expect(welcome).to_contain_text("Lanterns and music")
    await expect(welcome).to_contain_text("1 person is in this room.")
    await expect(welcome.get_by_role("link", name="Invite people")).to_be_visible()
    seen = await carla.open("/chat/festival")
    await seen.get_by_role("button", name="Join").click()
    await expect(welcome).to_contain_text("2 people are in this room.")
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


async def test_what_is_left_unread_stays_so_on_all_pages_until_the_room_is_opened_again(
    server: Server, person: Any
) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    await say_lines(server, ["One", "Two", "Three"])
    page = await ana.open("/chat/general")
    other = await ana.context.new_page()
    await other.goto(f"{ana.origin}/c/books")
    count = other.locator("#rooms li", has_text="general").locator(".unread")
    await expect(count).to_be_hidden()
    two = page.locator("ol.messages > .message", has_text="Two")
    await two.hover()
    await two.get_by_role("button", name="More").click()
    await page.get_by_role("button", name="Mark as unread from here").click()
    await expect(count).to_have_text("2")
    await expect(page.locator("#unread-line + .message")).to_contain_text("Two")
    await say_lines(server, ["Four"])
    await expect(page.locator("ol.messages > .message").last).to_contain_text("Four")
    await expect(count).to_have_text("3")
    await page.locator("#rooms li", has_text="general").get_by_role("link").click()
    await expect(count).to_be_hidden()


async def test_a_message_is_pinned_and_saved_from_its_menu_for_open_pages_too(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    await say_lines(server, ["The meeting is on Monday"])
    page = await ana.open("/chat/general")
    seen = await carla.open("/chat/general")
    pins = await carla.context.new_page()
    await pins.goto(f"{carla.origin}/chat/general/pins")
    saved = await ana.context.new_page()
    await saved.goto(f"{ana.origin}/saved")
    last = page.locator("ol.messages > .message").last
    await last.hover()
    await last.get_by_role("button", name="More").click()
    await expect(page.get_by_role("button", name="Mark as unread from here")).to_be_focused()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("Enter")
    await expect(page.get_by_text("Saved for later.")).to_be_visible()
    await expect(saved.locator(".saved")).to_contain_text("The meeting is on Monday")
    await saved.get_by_role("button", name="Mark as done").click()
    await saved.locator("h1").click()
    await expect(saved.locator(".saved.done")).to_contain_text("The meeting is on Monday")

    await last.hover()
    await last.get_by_role("button", name="More").click()
    await page.get_by_role("button", name="Pin to the room").click()
    await expect(seen.locator("ol.messages > .message").last.locator(".pinned")).to_be_visible()
    await expect(seen.get_by_role("link", name="1 pinned message", exact=True)).to_be_visible()
    await expect(pins.locator("main")).to_contain_text("The meeting is on Monday")
    await last.hover()
    await last.get_by_role("button", name="More").click()
    await page.get_by_role("button", name="Unpin").click()
    await expect(seen.locator(".pinned")).to_have_count(0)
    await expect(pins.locator("main")).to_contain_text("Nothing is pinned yet.")


async def test_a_room_is_marked_where_something_is_typed_and_not_sent(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/chat/general")
    other = await ana.context.new_page()
    await other.goto(f"{ana.origin}/c/books")
    mark = other.locator("#rooms li", has_text="general").get_by_text("Draft")
    box = page.get_by_label("Message", exact=True)
    await box.fill("To be said")
    await expect(mark).to_be_attached()
    await box.fill("")
    await expect(mark).to_have_count(0)
    await box.fill("To be said")
    await expect(mark).to_be_attached()
    await assert_equals_a_fresh_load(other)
    await box.press("Enter")
    await expect(mark).to_have_count(0)
    await assert_equals_a_fresh_load(other)


async def test_emoji_are_found_by_name_taken_by_keys_and_written_by_short_names(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    await say_lines(server, ["Shall we?"])
    page = await ana.open("/chat/general")
    box = page.get_by_label("Message", exact=True)
    await box.fill("We did it ")
    await page.get_by_role("button", name="Emoji").click()
    search = page.get_by_role("combobox", name="Search emoji")
    await expect(search).to_be_focused()
    await search.fill("party pop")
    await expect(page.get_by_role("gridcell", selected=True)).to_have_attribute("title", "party popper :tada:")
    await page.keyboard.press("Enter")
    await expect(box).to_have_value("We did it 🎉")
    await expect(box).to_be_focused()
    await page.keyboard.type(" :rocke")
    found = page.get_by_role("listbox", name="Emoji").get_by_role("option")
    await expect(found.and_(page.locator("[aria-selected=true]"))).to_have_text("🚀 :rocket:")
    await page.keyboard.press("Tab")
    await expect(found).to_have_count(0)
    await expect(box).to_have_value("We did it 🎉 🚀 ")
    await page.keyboard.press("Backspace")
    await page.keyboard.press("Backspace")
    await page.keyboard.type(":heart: :no-such-thing:")
    await page.keyboard.press("Enter")
    last = page.locator("ol.messages > .message").last
    await expect(last.locator(".text")).to_have_text("We did it 🎉 ❤️ :no-such-thing:")

    await last.hover()
    await last.get_by_role("button", name="React").click()
    await expect(page.get_by_role("rowgroup", name="Recently used").get_by_role("gridcell").first).to_have_text("🎉")
    await expect(page.get_by_role("rowgroup", name="Flags")).to_be_attached()
    await page.keyboard.press("ArrowDown")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowRight")
    await page.keyboard.press("ArrowLeft")
    taken = await page.get_by_role("gridcell", selected=True).inner_text()
    await page.keyboard.press("Enter")
    await expect(last.locator(".reactions")).to_contain_text(taken)


async def test_what_is_completed_takes_the_place_of_nothing_else(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/chat/general")
    box = page.get_by_label("Message", exact=True)
    offered = page.locator("#completion [aria-selected=true]")
    for before in ("write to carla@acme.test today, and say ", "@Carla, as said: ", "@Carla "):
        await box.fill("")
        await box.press_sequentially(f"{before}:rocke")
        await expect(offered).to_have_text("🚀 :rocket:")
        await box.press("Tab")
        await expect(box).to_have_value(f"{before}🚀 ")
    await box.fill("at ana@acme.test, (")
    await box.press_sequentially("@Carl")
    await expect(offered).to_have_text("@Carla")
    await box.press("Enter")
    await expect(box).to_have_value("at ana@acme.test, (@Carla ")
    await box.fill("")


async def test_what_is_typed_is_formatted_by_keys_and_by_a_bar_and_undone(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/chat/general")
    box = page.get_by_label("Message", exact=True)
    bar = page.get_by_role("toolbar", name="Formatting")
    await expect(bar).to_be_hidden()
    await page.get_by_role("button", name="Formatting").click()
    await expect(bar).to_be_visible()
    await box.fill("one two")
    await box.press("Shift+Home")
    await box.press("Control+b")
    await expect(box).to_have_value("**one two**")
    await box.press("Control+b")
    await expect(box).to_have_value("one two")
    await bar.get_by_role("button", name="Italic").click()
    await expect(box).to_have_value("*one two*")
    await expect(box).to_be_focused()
    await box.press("Control+z")
    await expect(box).to_have_value("one two")
    await box.fill("one\ntwo")
    await box.press("Control+a")
    await bar.get_by_role("button", name="List").click()
    await expect(box).to_have_value("- one\n- two")
    await bar.get_by_role("button", name="List").click()
    await expect(box).to_have_value("one\ntwo")
    await bar.get_by_role("button", name="Bold").focus()
    await page.keyboard.press("ArrowLeft")
    await expect(bar.get_by_role("button", name="Quote")).to_be_focused()
    await page.keyboard.press("Enter")
    await expect(box).to_have_value("> one\n> two")

    await page.reload()
    await box.focus()
    await expect(bar).to_be_visible()


async def test_one_goes_to_a_date_from_the_line_of_a_day(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    days = [f"2026-0{month}-10" for month in (1, 3, 5)]
    await say_lines(server, [f"Said on {day}" for day in days])
    server.store.rows("UPDATE message SET created_at = '2025-12-01 12:00:00' WHERE tenant_id = 1")
    for day in days:
        server.store.rows("UPDATE message SET created_at = ? WHERE text = ?", f"{day} 12:00:00", f"Said on {day}")
    page = await ana.open("/chat/general")
    await page.locator("ol.messages > .day").last.get_by_role("button").click()
    await page.get_by_label("Go to a date", exact=True).last.fill("2026-01-11")
    await page.get_by_role("button", name="Go", exact=True).click()
    await expect(page.locator(".message.fresh")).to_contain_text("Said on 2026-03-10")
    assert page.url.endswith("on=2026-01-11")
    page = await ana.open("/chat/general?on=nonsense")
    await expect(page.locator("ol.messages > .message").last).to_be_in_viewport()


async def test_on_a_phone_a_finger_that_rests_opens_the_menu_and_a_swipe_the_sidebar(
    server: Server, person: Any
) -> None:
    ana = await person(
        server, "acme", "ana@acme.test", has_touch=True, is_mobile=True, viewport={"width": 390, "height": 800}
    )
    page = await ana.open("/chat/general")
    touch = await ana.context.new_cdp_session(page)

    async def move(kind: str, *places: tuple[float, float]) -> None:
        points = [{"x": x, "y": y} for x, y in places]
        await touch.send("Input.dispatchTouchEvent", {"type": f"touch{kind}", "touchPoints": points})

    message = page.locator("ol.messages > .message").last
    box = await message.locator(".text").bounding_box()
    assert box
    await move("Start", (box["x"] + 20, box["y"] + 10))
    menu = page.locator("message-menu")
    await expect(menu).to_be_visible()
    await move("End")
    await expect(menu.get_by_role("button", name="Reply")).to_be_visible()
    await expect(menu.get_by_role("button", name="Edit message")).to_be_hidden()  # it is another's
    await menu.get_by_role("button", name="Reply").tap()
    await expect(page.locator("[data-answered]")).to_contain_text("Davi")

    for field in await page.locator("textarea:visible, input:visible").all():
        assert float((await field.evaluate("(each) => getComputedStyle(each).fontSize")).removesuffix("px")) >= 16
    side = page.get_by_role("navigation", name="Workspace")
    await expect(side).to_be_hidden()
    for start, end, shown in ((100, 300, True), (300, 100, False)):
        await move("Start", (start, 300))
        await move("Move", ((start + end) / 2, 302))
        await move("Move", (end, 304))
        await move("End")
        await expect(side).to_be_visible(visible=shown)
