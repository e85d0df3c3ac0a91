"""Rooms in which so much is said that a page shows a part of it: what each message costs, and what is let go."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.async_api import CDPSession, Page, Route, expect

from app.chat.pushes import MOST_MESSAGES_SHOWN
from app.web.assets import ROOMS, static_content
from tests.browser.lines import say_lines
from tests.browser.test_chat import messages
from tests.conftest import Person, Server

ROOM = "/chat/general"
# In js/message-window.js it is 300 messages, of which 200 are kept; test_chat.py goes beyond that.
MOST, KEPT = 150, 100
# How often garbage is collected before what is left is taken for a leak.
MOST_COLLECTIONS = 20

# Counts what scripts touch in the list: what they walk, watch and change. It runs before the page's own scripts. What
# they do every half minute, whatever comes, is left out.
COUNTING = """() => {
  let touched = 0;
  const { setInterval } = window;
  window.setInterval = (work, pause) => pause < 30000 ? setInterval(work, pause) : 0;
  const count = (part, name, much) => {
    const original = part.prototype[name];
    part.prototype[name] = function (...given) {
      const answer = original.apply(this, given);
      touched += much(this, answer, given);
      return answer;
    };
  };
  const inList = (node) => Number(Boolean((node.closest ? node : node.parentElement)?.closest('ol.messages')));
  const sum = (self, found) => [...Array.prototype.slice.call(found)].reduce((all, each) => all + inList(each), 0);
  for (const part of [Document, Element, DocumentFragment]) count(part, 'querySelectorAll', sum);
  count(IntersectionObserver, 'observe', (self, answer, [target]) => inList(target));
  count(Element, 'getBoundingClientRect', inList);
  document.addEventListener('DOMContentLoaded', () => {
    new MutationObserver((records) => {
      for (const { target, addedNodes, removedNodes } of records) {
        touched += inList(target) * (1 + addedNodes.length + removedNodes.length);
      }
    }).observe(document.body, { childList: true, subtree: true, attributes: true, characterData: true });
  });
  addEventListener('test:touched', () => { document.documentElement.dataset.touched = touched; touched = 0; });
}"""
NUMBERS = "() => [...document.querySelectorAll('ol.messages > .message')].map((item) => Number(item.dataset.number))"
# The page's own reading moves the cursor on, too. A frame later what came is in its place.
REACHED = """cursor => new Promise((done) => {
  const shown = () => Number(document.getElementById('main').dataset.cursor);
  const look = () => requestAnimationFrame(() => shown() < cursor ? look() : requestAnimationFrame(done));
  look();
})"""
TOP = "box => { box.scrollTop = 0; }"
END = "box => { box.scrollTop = box.scrollHeight; }"


@pytest.fixture
async def carla(server: Server, person: Any) -> Person:
    """A member whose pages let go of messages sooner than they do elsewhere."""
    carla: Person = await person(server, "acme", "carla@acme.test")
    script = static_content(ROOMS).decode()
    for name, usual, here in (("MOST", 300, MOST), ("KEPT", 200, KEPT)):
        assert script.count(f"const {name} = {usual};") == 1
        script = script.replace(f"const {name} = {usual};", f"const {name} = {here};")

    async def answer(route: Route) -> None:
        await route.fulfill(body=script, content_type="text/javascript")

    await carla.page.route(f"**/{ROOMS}", answer)
    return carla


async def say_many(server: Server, page: Page, count: int, slug: str = "general") -> None:
    """Messages of Bruno's, as many at once as are pushed one by one; the page has been given them."""
    for start in range(0, count, MOST_MESSAGES_SHOWN):
        [(last,)] = server.store.rows("SELECT last_number FROM room WHERE slug = ? AND tenant_id = 1", slug)
        texts = [f"Line {last + 1 + number}" for number in range(min(count - start, MOST_MESSAGES_SHOWN))]
        await say_lines(server, texts, slug=slug)
        # What goes to other channels moves a page's cursor on after a while only.
        room_events = "SELECT max(cursor) FROM event WHERE tenant_id = 1 AND channel LIKE 'room.%'"
        [(cursor,)] = server.store.rows(room_events)
        await page.evaluate(REACHED, cursor)


async def touched_by(server: Server, page: Page, count: int) -> int:
    """How much the page's scripts touch in the list for messages that come one by one."""
    client = await server.sign_in("acme", "davi@acme.test")
    await page.evaluate("dispatchEvent(new Event('test:touched'))")
    for _ in range(count):
        key = f"After {await messages(page).last.get_attribute('data-number')}"
        await client.post(ROOM, data={"text": key, "key": key})
        await expect(messages(page).last).to_contain_text(key)
    await client.aclose()
    await page.evaluate("dispatchEvent(new Event('test:touched'))")
    return int(await page.locator("html").get_attribute("data-touched") or 0)


async def go_on(page: Page, link: str, scroll: str) -> None:
    """Scroll to one end of what the page shows, so that the next stretch comes."""
    address = str(await page.get_by_role("link", name=link).get_attribute("href"))
    await page.locator(".scroller").evaluate(scroll)
    await expect(page.locator(f".scroller > p > a[href='{address}']")).to_have_count(0)


async def size_of(devtools: CDPSession) -> dict[str, float]:
    """What a page keeps, when what it can do without has been collected."""
    await devtools.send("HeapProfiler.collectGarbage")
    found = (await devtools.send("Performance.getMetrics"))["metrics"]
    return {each["name"]: each["value"] for each in found if each["name"] in ("Nodes", "JSEventListeners")}


async def numbers_of(page: Page) -> list[int]:
    return list(await page.evaluate(NUMBERS))


def assert_whole(numbers: list[int]) -> None:
    """In order, without a hole and nothing twice."""
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


async def test_a_message_costs_no_more_than_the_one_before_and_the_page_stays_as_large(
    server: Server, carla: Person
) -> None:
    page = carla.page
    await page.add_init_script(f"({COUNTING})()")
    await carla.open(ROOM)
    await say_many(server, page, 20)
    early = await touched_by(server, page, 5)
    assert early > 0
    await say_many(server, page, 350)
    late = await touched_by(server, page, 5)
    assert late == early
    devtools = await page.context.new_cdp_session(page)
    await devtools.send("Performance.enable")
    before = await size_of(devtools)
    await say_many(server, page, 200)
    numbers = await numbers_of(page)
    assert_whole(numbers)
    assert len(numbers) <= MOST
    # What was taken out may be kept by a task that still has to run: collected once more, it goes; a leak stays.
    for _ in range(MOST_COLLECTIONS):
        after = await size_of(devtools)
        if all(after[name] <= before[name] * 1.2 for name in before):
            break
    else:
        pytest.fail(f"{before} has grown to {after}")
    await expect(messages(page).last).to_be_in_viewport()


async def test_what_was_let_go_comes_back_whole_and_nothing_moves_where_one_reads(
    server: Server, carla: Person
) -> None:
    page = carla.page
    await carla.open(f"{ROOM}?at=end")
    scroller = page.locator(".scroller")
    bruno = await server.sign_in("acme", "bruno@acme.test")
    await say_many(server, page, 125)
    # With the focus in a message, further ones come: it stays, and so does what is between when one comes back to it.
    focused = page.locator(".message[data-number='100'] .when")
    await focused.evaluate("link => link.focus({ preventScroll: true })")
    await say_many(server, page, 200)
    await expect(messages(page).last).to_be_in_viewport()
    await expect(focused).to_be_focused()
    numbers = await numbers_of(page)
    assert numbers[0] == 100
    assert len(numbers) <= MOST
    assert_whole(numbers[1:])
    assert numbers[1] > 150
    # What is let go may be changed: that is nothing to this page, and is there when the message comes back.
    await bruno.post(f"{ROOM}/messages/75/edit", data={"text": "Mended far above"})
    await say_many(server, page, 1)
    while (await numbers_of(page))[0] > 20:
        await go_on(page, "Older messages", TOP)
        if 75 in await numbers_of(page):
            await expect(page.locator(".message[data-number='75'] .text")).to_have_text("Mended far above")
    numbers = await numbers_of(page)
    assert_whole(numbers)
    await focused.evaluate("link => link.blur()")
    # Far up, nothing moves whatever comes; below, what came is there when one scrolls down.
    await scroller.evaluate("box => { box.scrollTop += 40; }")
    seen = page.locator(f".message[data-number='{numbers[4]}']")
    where = "item => Math.round(item.getBoundingClientRect().top)"
    before = await seen.evaluate(where)
    await say_many(server, page, 100)
    assert await seen.evaluate(where) == before
    assert len(await numbers_of(page)) <= MOST
    await expect(page.get_by_role("button", name="New messages below")).to_be_visible()
    while await page.get_by_role("link", name="Newer messages").count():
        await go_on(page, "Newer messages", END)
        assert_whole(await numbers_of(page))
        assert len(await numbers_of(page)) <= MOST
    last = (await numbers_of(page))[-1]
    await say_many(server, page, 1)
    await expect(messages(page).last).to_contain_text(f"Line {last + 1}")
    await bruno.aclose()


async def test_a_discussion_below_a_record_stays_short_and_moves_nothing(server: Server, carla: Person) -> None:
    page = carla.page
    client = await server.sign_in("acme", "bruno@acme.test")
    await client.post("/discussion/record-40", data={"text": "First", "key": "first"})
    await client.aclose()
    [(slug,)] = server.store.rows("SELECT slug FROM room WHERE kind = 'discussion' AND tenant_id = 1")
    await carla.open("/c/books/40")
    first = page.locator(".message[data-number='1']")
    where = "item => Math.round(item.getBoundingClientRect().top)"
    before = await first.evaluate(where)
    await say_many(server, page, 200, slug)
    assert await first.evaluate(where) == before
    assert len(await numbers_of(page)) <= MOST
    # What came is below, and there when one scrolls down; what is above is in the room.
    while await page.get_by_role("link", name="Newer messages").count():
        address = str(await page.get_by_role("link", name="Newer messages").get_attribute("href"))
        await page.evaluate("scrollTo(0, document.documentElement.scrollHeight)")
        await expect(page.locator(f".newer a[href='{address}']")).to_have_count(0)
    numbers = await numbers_of(page)
    assert_whole(numbers)
    assert len(numbers) <= MOST
    assert numbers[-1] == 201
    older = page.get_by_role("link", name="Older messages")
    await expect(older).to_have_attribute("href", f"/chat/{slug}?before={numbers[0]}")
