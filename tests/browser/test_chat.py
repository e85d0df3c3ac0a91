"""Chat as people see it side by side."""

from __future__ import annotations

import asyncio
import io
import re
from contextlib import aclosing
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from PIL import Image
from playwright.async_api import Locator, Page, Route, WebSocketRoute, expect

from tests.browser.lines import say_lines
from tests.browser.pages import assert_equals_a_fresh_load, ready
from tests.browser.test_whose_page import become
from tests.conftest import PASSWORD, Person, Server
from tests.faults.extent import times

ROOM = "/chat/general"
CANARIES = [
    "<script>document.title = 'broken'</script>",
    "<img src=x onerror=\"document.title='broken'\">",
    '<hx-partial hx-target="#main" hx-swap="innerHTML">broken</hx-partial>',
    '<b hx-get="/logout" hx-trigger="load">x</b>',
    "[click](javascript:document.title='broken')",
    "\u202egnissim \u2066",
    "W" * 8000,
    "👩‍👩‍👧 🇧🇷 e\u0301",
    "```\n<template hx><p>x</p></template>\n```",
]

# What does not fit in the width: the page, or a button that nobody can reach.
WIDE = """document.documentElement.scrollWidth > innerWidth
  || [...document.querySelectorAll('main button')].some((each) => each.getBoundingClientRect().right > innerWidth)"""
NAMES = [
    "<script>document['title'] = 'broken'</script>",
    "<img src=x onerror=\"document['title']='broken'\">",
    '<hx-partial hx-target="#main" hx-swap="innerHTML">broken</hx-partial>',
    '<b hx-get="/logout" hx-trigger="load" hx-on:load="name=1">x</b>',
    "\u202egnissim \u2066\0 {} $& $1 %(name)s {{ 7 * 7 }}",
    "W" * 80,
    "👩‍👩‍👧 🇧🇷 e\u0301 שלום",
]


@pytest.fixture
async def people(server: Server, person: Any) -> tuple[Person, Person]:
    """Ana, who owns the workspace, and Carla, a member."""
    return await person(server, "acme", "ana@acme.test"), await person(server, "acme", "carla@acme.test")


def messages(page: Page) -> Locator:
    return page.locator("ol.messages > .message")


async def delete_last(page: Page) -> None:
    """Delete the last message, as one is asked to."""
    await messages(page).last.hover()
    await messages(page).last.locator("summary[aria-label='Delete message']").click()
    await messages(page).last.get_by_role("button", name="Delete now").click()


async def send(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.get_by_role("button", name="Send").click()
    await expect(page.get_by_label("Message", exact=True)).to_have_value("")
    await expect(page.locator("message-outbox .outgoing")).to_have_count(0)


async def test_a_message_reaches_the_other_at_once_and_is_counted_elsewhere(
    server: Server, person: Any, people: tuple[Person, Person]
) -> None:
    ana, carla = people
    davi = await person(server, "acme", "davi@acme.test")
    await ana.open(ROOM)
    await carla.open(ROOM)
    await davi.open("/c/books")
    await ana.page.get_by_label("Message", exact=True).press_sequentially("Hello **all**")
    await expect(carla.page.get_by_text("Ana is typing…")).to_be_visible()
    await ana.page.keyboard.press("Enter")
    await expect(messages(carla.page).last.locator("strong")).to_have_text("all")
    await expect(carla.page.get_by_text("Ana is typing…")).to_have_count(0)
    unread = davi.page.get_by_role("region", name="Rooms").locator(".unread")
    await expect(unread).to_have_text("1")
    await expect(davi.page).to_have_title(re.compile(r"^\(1\) Books"))
    await send(ana.page, "Second")
    await expect(unread).to_have_text("2")
    await delete_last(ana.page)
    await expect(unread).to_have_text("1")
    await expect(messages(carla.page).last).to_contain_text("Deleted by Ana")
    await davi.page.get_by_role("link", name=re.compile("general")).click()
    await expect(davi.page.get_by_role("listitem").filter(has_text="New messages")).to_be_visible()
    await expect(unread).to_be_hidden()
    await expect(davi.page).to_have_title(re.compile(r"^general"))
    await assert_equals_a_fresh_load(carla.page)


async def test_what_is_read_in_one_tab_is_read_in_all(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await carla.open("/c/books")
    second = await carla.context.new_page()
    await second.goto(carla.origin + "/c/books?sort=title")
    await ready(second)
    await ana.open(ROOM)
    await send(ana.page, "For Carla")
    for page in (carla.page, second):
        await expect(page.get_by_role("region", name="Rooms").locator(".unread")).to_have_text("1")
    await second.goto(carla.origin + ROOM)
    await expect(carla.page.get_by_role("region", name="Rooms").locator(".unread")).to_be_hidden()


async def test_a_message_is_edited_answered_and_given_an_emoji(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await ana.open(ROOM)
    await carla.open(ROOM)
    await send(ana.page, "A tpyo, see #40")
    await ana.page.keyboard.press("ArrowUp")
    await expect(ana.page.get_by_label("Message", exact=True)).to_have_value("A tpyo, see #40")
    await send(ana.page, "A typo, see #40")
    last = messages(carla.page).last
    await expect(last).to_contain_text("A typo")
    await expect(last.locator(".edited span")).to_be_visible()
    await expect(last.locator(".record-card")).to_contain_text("Dom Casmurro")
    await last.hover()
    await expect(last.get_by_role("link", name="Edit message")).to_be_hidden()
    await expect(last.locator("summary[aria-label='Delete message']")).to_be_hidden()
    await last.get_by_role("button", name="React").click()
    await carla.page.get_by_role("gridcell", name="🎉").first.click()
    await expect(messages(ana.page).last.get_by_role("button", name="🎉 1: Carla")).to_be_visible()
    await expect(last.get_by_role("button", name="🎉 1: Carla")).to_have_attribute("aria-pressed", "true")
    await last.hover()
    await last.get_by_role("link", name="Reply").click()
    await send(carla.page, "I saw it")
    await expect(messages(ana.page).last.locator(".quote")).to_contain_text("Ana A typo")
    await assert_equals_a_fresh_load(ana.page)


async def test_a_card_shows_who_edits_the_record_now(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await ana.open(ROOM)
    card = ana.page.locator(".record-card").first
    await expect(card).to_contain_text("Lent")
    await carla.open("/c/books/40/edit")
    await expect(card).to_contain_text("Carla is editing")
    await carla.page.get_by_label("Status").select_option("On the shelf")
    await carla.page.get_by_role("button", name="Save").click()
    await expect(card).to_contain_text("On the shelf")
    await expect(card).not_to_contain_text("Carla is editing")


async def test_what_is_typed_stays_when_it_is_not_sent_and_is_posted_once(
    server: Server, people: tuple[Person, Person]
) -> None:
    ana, carla = people
    await ana.open(ROOM)
    await carla.open(ROOM)
    before = await messages(carla.page).count()
    await ana.context.set_offline(True)
    await ana.page.get_by_label("Message", exact=True).fill("Into the tunnel")
    await ana.page.get_by_role("button", name="Send").click()
    entry = ana.page.locator("message-outbox .outgoing")
    await expect(entry).to_contain_text("Not sent")
    await expect(entry.locator(".text")).to_have_text("Into the tunnel")
    await entry.get_by_role("button", name="Edit").click()
    await expect(ana.page.get_by_label("Message", exact=True)).to_have_value("Into the tunnel")
    await ana.context.set_offline(False)
    # The answer to the first try is lost on its way: the second has the same key.
    lost = True

    async def lose_the_answer(route: Any) -> None:
        nonlocal lost
        if lost and route.request.method == "POST":
            lost = False
            cookies = await ana.context.cookies()
            headers = {"cookie": "; ".join(f"{one['name']}={one['value']}" for one in cookies)}
            async with server.client("acme", **headers) as client:
                body = parse_qsl(route.request.post_data or "")
                assert (await client.post(ROOM, data=dict(body))).status_code == 303
            await route.abort()
        else:
            await route.continue_()

    await ana.page.route("**/chat/general", lose_the_answer)
    await ana.page.get_by_role("button", name="Send").dblclick()
    await expect(ana.page.get_by_label("Message", exact=True)).to_have_value("")
    await expect(entry).to_have_count(0)
    await send(ana.page, "And out again")
    await expect(messages(carla.page).last).to_contain_text("And out again")
    await expect(messages(carla.page)).to_have_count(before + 2)


async def test_the_box_keeps_its_text_through_navigation_reload_and_sign_out(
    server: Server, person: Any, people: tuple[Person, Person]
) -> None:
    ana, _ = people
    await ana.open(ROOM)
    async with ana.page.expect_response("**/chat/general/draft"):
        await ana.page.get_by_label("Message", exact=True).fill("Half a thou")
    await ana.page.get_by_role("link", name=re.compile("Books")).first.click()
    await ana.page.wait_for_url("**/c/books")
    await ana.page.get_by_role("link", name=re.compile("general")).click()
    await expect(ana.page.get_by_label("Message", exact=True)).to_have_value("Half a thou")
    await ana.page.reload()
    await expect(ana.page.get_by_label("Message", exact=True)).to_have_value("Half a thou")
    again = await person(server, "acme", "ana@acme.test")
    await again.open(ROOM)
    await expect(again.page.get_by_label("Message", exact=True)).to_have_value("Half a thou")


async def test_texts_that_mean_harm_are_texts(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await ana.open(ROOM)
    await carla.open(ROOM)
    for canary in CANARIES:
        await send(ana.page, canary)
    await send(ana.page, "the end")
    await expect(messages(carla.page).last).to_contain_text("the end")
    for page in (ana.page, carla.page):
        await expect(page.locator(".message .text :is(script, img, template, hx-partial, [hx-get])")).to_have_count(0)
        assert "broken" not in await page.title()
        wide = await page.evaluate("document.documentElement.scrollWidth > innerWidth")
        assert not wide, "a word breaks the layout"
    await assert_equals_a_fresh_load(carla.page)


async def test_too_long_a_message_stays_and_says_so(people: tuple[Person, Person]) -> None:
    ana, _ = people
    await ana.open(ROOM)
    await ana.page.get_by_label("Message", exact=True).fill("x" * 7_990)
    await expect(ana.page.get_by_text("Characters left: 10")).to_be_visible()
    await ana.page.get_by_label("Message", exact=True).fill("x" * 8_001)
    await ana.page.get_by_role("button", name="Send").click()
    await expect(ana.page.get_by_text("This has 8,001 characters; a message can have up to 8,000.")).to_be_visible()
    await expect(ana.page.get_by_label("Message", exact=True)).to_have_value("x" * 8_001)


async def test_a_burst_of_messages_is_there_in_order(server: Server, people: tuple[Person, Person]) -> None:
    _, carla = people
    await carla.open(ROOM)
    before = await messages(carla.page).count()
    client = await server.sign_in("acme", "bruno@acme.test")
    limit = asyncio.Semaphore(20)

    async def post(number: int) -> None:
        async with limit:
            answer = await client.post(ROOM, data={"text": f"Burst {number}", "key": f"burst {number}"})
            assert answer.status_code == 303

    count = times(60, 200)
    await asyncio.gather(*(post(number) for number in range(count)))
    await client.aclose()
    await expect(messages(carla.page)).to_have_count(before + count)
    numbers = await messages(carla.page).evaluate_all("items => items.map(item => Number(item.dataset.number))")
    assert numbers == sorted(numbers)
    assert len(set(numbers)) == len(numbers)


async def test_older_messages_come_above_without_a_jump_and_new_ones_below_do_not_pull(
    server: Server, people: tuple[Person, Person]
) -> None:
    ana, _ = people
    client = await server.sign_in("acme", "bruno@acme.test")
    await say_lines(server, [f"Line {number}" for number in range(150)])
    reader = await server.sign_in("acme", "ana@acme.test")
    await reader.post(f"{ROOM}/read", data={"number": "1000"})
    await ana.open(ROOM)
    await expect(messages(ana.page).last).to_be_in_viewport()
    await ana.page.locator(".scroller").evaluate("box => { box.scrollTop = 0; }")
    await expect(messages(ana.page)).to_have_count(100)
    first = ana.page.get_by_text("Line 100", exact=True)
    await expect(first).to_be_attached()
    await client.post(ROOM, data={"text": "A new one", "key": "new"})
    await expect(ana.page.get_by_role("button", name="New messages below")).to_be_visible()
    await expect(ana.page.get_by_text("A new one")).not_to_be_in_viewport()
    await reader.post(ROOM, data={"text": "Said in another tab", "key": "elsewhere"})
    await expect(ana.page.get_by_text("Said in another tab")).to_be_attached()
    await expect(ana.page.get_by_text("Said in another tab")).not_to_be_in_viewport()
    await reader.aclose()
    await ana.page.get_by_role("button", name="New messages below").click()
    await expect(ana.page.get_by_text("Said in another tab")).to_be_in_viewport()
    await ana.page.goto(ana.origin + ROOM + "?at=30")
    await expect(ana.page.get_by_text("Line 23", exact=True)).to_be_in_viewport()
    await client.aclose()


async def test_an_open_room_equals_a_fresh_load_after_an_outage(server: Server, people: tuple[Person, Person]) -> None:
    _, carla = people
    client = await server.sign_in("acme", "bruno@acme.test")
    await say_lines(server, [f"Before {number}" for number in range(50)])
    await carla.open(f"{ROOM}?at=end")
    await carla.context.set_offline(True)
    await expect(carla.page.locator("html")).to_have_attribute("data-live", "off")
    await say_lines(server, [f"During {number}" for number in range(330)], "bruno", "davi")
    for number in range(24, 30):
        changed = await client.post(f"{ROOM}/messages/{number}/edit", data={"text": f"Edited {number}"})
        removed = await client.post(f"{ROOM}/messages/{number + 20}/delete")
        answered = await client.post(f"{ROOM}/messages/{number + 60}/react", data={"emoji": "👍"})
        # One that comes with its own change, in one frame.
        also_removed = await client.post(f"{ROOM}/messages/{number + 340}/delete")
        answers = (changed, removed, answered, also_removed)
        assert [answer.status_code for answer in answers] == [303, 303, 303, 303]
    await carla.context.set_offline(False)
    await expect(carla.page.get_by_text("During 329")).to_be_attached(timeout=20_000)
    await ready(carla.page)
    numbers = await messages(carla.page).evaluate_all("items => items.map(item => item.dataset.number)")
    assert numbers == [str(number) for number in range(int(numbers[0]), int(numbers[-1]) + 1)]

    async def texts() -> dict[str, str]:
        found = await messages(carla.page).evaluate_all(
            "items => items.map(item => [item.dataset.number, item"
            ".querySelector('.text, .deleted')?.innerText + (item.querySelector('.reactions')?.innerText ?? '')])"
        )
        return dict(found)

    shown = await texts()
    assert len(shown) <= 300  # what is far above was let go
    while "30" not in shown:  # … and comes back
        first = await messages(carla.page).first.get_attribute("data-number")
        await carla.page.locator(".scroller").evaluate("box => { box.scrollTop = 0; }")
        await expect(messages(carla.page).first).not_to_have_attribute("data-number", str(first))
        stretch = await texts()
        assert [*map(int, stretch)] == list(range(min(map(int, stretch)), max(map(int, stretch)) + 1))
        shown |= stretch
    assert shown.keys() >= {str(number) for number in range(30, int(numbers[-1]) + 1)}
    for at in (int(numbers[-1]) - 20, 30):
        await carla.page.goto(f"{carla.origin}{ROOM}?at={at}")
        await ready(carla.page)
        fresh = await texts()
        assert len(fresh.keys() & shown.keys()) > 20
        assert {number: text for number, text in shown.items() if number in fresh} == {
            number: text for number, text in fresh.items() if number in shown
        }
    await client.aclose()


async def test_who_reads_further_up_stays_there_when_the_log_does_not_reach_back(
    server: Server, people: tuple[Person, Person]
) -> None:
    _, carla = people
    page = carla.page
    sockets: list[WebSocketRoute] = []

    def connect(socket: WebSocketRoute) -> None:
        sockets.append(socket)
        socket.connect_to_server()

    await page.route_web_socket(re.compile("/live$"), connect)
    client = await server.sign_in("acme", "bruno@acme.test")
    await say_lines(server, [f"Line {number}" for number in range(160)])
    await carla.open(f"{ROOM}?at=100")
    shown = page.locator(".message[data-number='95']")
    await shown.evaluate("item => item.scrollIntoView({ block: 'start' })")
    await expect(shown).to_be_in_viewport()
    where = "item => Math.round(item.getBoundingClientRect().top)"
    before = await shown.evaluate(where)
    await carla.context.set_offline(True)
    await sockets[-1].close()  # the browser would keep it, and what comes meanwhile, for when it is back
    await expect(page.locator("html")).to_have_attribute("data-live", "off")
    await client.post(f"{ROOM}/messages/95/edit", data={"text": "Edited meanwhile"})
    await client.post(ROOM, data={"text": "Said meanwhile", "key": "meanwhile"})
    server.store.rows("DELETE FROM event")
    async with page.expect_response(re.compile(r"/chat/general\?at=95$")):
        await carla.context.set_offline(False)
    await ready(page)
    await expect(shown).to_contain_text("Edited meanwhile")
    assert abs(await shown.evaluate(where) - before) <= 2
    await page.get_by_role("button", name="New messages below").click()
    await expect(page.get_by_text("Said meanwhile")).to_be_in_viewport()
    await client.aclose()


async def test_a_message_is_deleted_after_one_was_asked_by_keyboard_too(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await ana.open(ROOM)
    await carla.open(ROOM)
    await send(ana.page, "Said too soon")
    last = messages(ana.page).last
    await last.focus()
    summary = last.locator("summary[aria-label='Delete message']")
    await summary.focus()
    await ana.page.keyboard.press("Enter")
    sure = last.get_by_role("button", name="Delete now")
    await expect(sure).to_have_accessible_description(re.compile("deleted for everyone"))
    await expect(sure).to_be_in_viewport()
    await ana.page.keyboard.press("Escape")
    await expect(sure).to_be_hidden()
    await expect(summary).to_be_focused()
    await expect(messages(carla.page).last).to_contain_text("Said too soon")
    await ana.page.keyboard.press("Enter")
    await ana.page.keyboard.press("Tab")
    await expect(sure).to_be_focused()
    await ana.page.keyboard.press("Enter")
    await expect(messages(carla.page).last).to_contain_text("Deleted by Ana")
    await expect(last).to_contain_text("Deleted by Ana")
    await expect(last).to_be_focused()


async def test_files_in_the_box_are_there_after_a_reload_until_they_are_sent_or_taken_out(
    server: Server, people: tuple[Person, Person]
) -> None:
    ana, carla = people
    await ana.open(ROOM)
    brought = ana.page.locator(".brought .file")
    await ana.page.locator("[data-attach]").set_input_files(
        [{"name": name, "mimeType": "text/plain", "buffer": b"words"} for name in ("plan.txt", "list.txt")]
    )
    await expect(brought.locator("[name=file]")).to_have_count(2)
    await ana.page.reload()
    await ready(ana.page)
    await expect(brought.locator(".name")).to_have_text(["plan.txt", "list.txt"])
    await carla.open(ROOM)
    await expect(carla.page.locator(".brought .file")).to_have_count(0)
    async with ana.page.expect_response("**/take-out"):
        await ana.page.get_by_role("button", name="Remove plan.txt").click()
    await ana.page.reload()
    await ready(ana.page)
    await expect(brought.locator(".name")).to_have_text(["list.txt"])
    await send(ana.page, "Here it is")
    await expect(messages(carla.page).last.get_by_role("link", name="list.txt")).to_be_visible()
    await expect(brought).to_have_count(0)
    await ana.page.reload()
    await ready(ana.page)
    await expect(brought).to_have_count(0)
    assert len([path for path in (server.data_dir / "files").rglob("*") if path.is_file()]) == 1


async def test_who_is_taken_out_of_a_private_room_gets_nothing_of_it_any_more(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await ana.open("/chat/new")
    await ana.page.get_by_label("Name").fill("Board")
    await ana.page.get_by_label("Private").check()
    await ana.page.get_by_role("button", name="Create room").click()
    await carla.open("/c/books")
    await expect(carla.page.get_by_role("link", name="Board")).to_have_count(0)
    await ana.page.goto(ana.origin + "/chat/board/about")
    await ana.page.get_by_role("combobox", name="Invite").fill("car")
    await ana.page.get_by_role("option", name="Carla").click()
    await ana.page.get_by_role("button", name="Invite").click()
    await carla.page.get_by_role("link", name="Board").click()
    await ready(carla.page)
    await ana.page.goto(ana.origin + "/chat/board")
    await send(ana.page, "For the board")
    await expect(carla.page.get_by_text("For the board")).to_be_visible()
    await ana.page.goto(ana.origin + "/chat/board/about")
    await ana.page.get_by_role("button", name="Remove Carla").click()
    await expect(carla.page.get_by_text("You are no longer in the room.")).to_be_visible()
    await expect(carla.page.get_by_text("For the board")).to_have_count(0)
    await expect(carla.page.get_by_role("link", name="Board")).to_have_count(0)


async def test_files_are_sent_seen_and_kept_from_others(server: Server, people: tuple[Person, Person]) -> None:
    ana, carla = people
    picture = io.BytesIO()
    Image.new("RGB", (300, 200), "teal").save(picture, "PNG")
    await ana.open(ROOM)
    await carla.open(ROOM)
    await ana.page.locator("[data-attach]").set_input_files(
        [
            {"name": "teal.png", "mimeType": "image/png", "buffer": picture.getvalue()},
            {"name": "evil.html", "mimeType": "text/html", "buffer": b"<script>alert(1)</script>"},
        ]
    )
    await expect(ana.page.locator(".brought .file [name=file]")).to_have_count(2)
    await send(ana.page, "Two files")
    last = messages(carla.page).last
    await expect(last.get_by_role("img", name="teal.png")).to_be_visible()
    address = await last.get_by_role("link", name="evil.html").get_attribute("href")
    async with httpx.AsyncClient() as nobody:
        refused = await nobody.get(f"http://127.0.0.1:{server.port}{address}", headers={"host": server.host("acme")})
    assert refused.status_code == 303
    client = await server.sign_in("acme", "davi@acme.test")
    got = await client.get(str(address))
    assert got.content == b"<script>alert(1)</script>"
    assert got.headers["content-type"].startswith("text/plain")
    assert got.headers["content-disposition"].startswith("attachment")
    assert "sandbox" in got.headers["content-security-policy"]
    await client.aclose()
    await last.hover()
    await messages(ana.page).last.hover()
    async with ana.page.expect_response("**/delete"):
        await delete_last(ana.page)
    await expect(last).to_contain_text("Deleted by Ana")
    client = await server.sign_in("acme", "davi@acme.test")
    assert (await client.get(str(address))).status_code == 404
    await client.aclose()


async def test_a_record_has_its_discussion_and_those_who_made_it_are_told(
    server: Server, person: Any, people: tuple[Person, Person]
) -> None:
    ana, carla = people
    davi = await person(server, "acme", "davi@acme.test")  # who added the book
    await davi.open("/c/books")
    await carla.open("/c/books/40")
    await ana.open("/c/books/40")
    await send(ana.page, "Is it back?")
    await expect(messages(carla.page).last).to_contain_text("Is it back?")
    told = davi.page.get_by_role("region", name="Rooms").get_by_role("link", name=re.compile("Dom Casmurro"))
    await expect(told).to_be_visible()
    await told.click()
    await expect(messages(davi.page).last).to_contain_text("Is it back?")
    await send(davi.page, "Yes, on my desk")
    await expect(messages(ana.page).last).to_contain_text("Yes, on my desk")
    await assert_equals_a_fresh_load(carla.page)


async def test_names_are_completed_as_one_types(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await ana.open(ROOM)
    await carla.open(ROOM)
    await ana.page.get_by_label("Message", exact=True).press_sequentially("Hello @ca")
    await expect(ana.page.get_by_role("option", name="@Carla")).to_be_visible()
    await ana.page.keyboard.press("Enter")
    await expect(ana.page.get_by_label("Message", exact=True)).to_have_value("Hello @Carla ")
    await ana.page.keyboard.press("Enter")
    await expect(messages(carla.page).last.locator(".mention")).to_have_text("@Carla")


async def test_a_few_letters_lead_to_a_room_a_person_or_a_record(people: tuple[Person, Person]) -> None:
    ana, _ = people
    page = await ana.open("/c/books")
    for letters, there in (("casmu", "**/c/books/40"), ("gene", "**/chat/general"), ("carl", "**/chat/direct-*")):
        await page.keyboard.press("Control+k")
        await page.get_by_role("combobox", name="Search or go to").press_sequentially(letters)
        await expect(page.get_by_role("dialog").get_by_role("option", selected=True)).to_contain_text(
            re.compile(letters, re.IGNORECASE)
        )
        await page.keyboard.press("Enter")
        await page.wait_for_url(there)
        await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_enter_leads_to_what_is_typed_however_late_its_answer_comes(people: tuple[Person, Person]) -> None:
    ana, _ = people
    page = await ana.open("/c/books")
    gone_to = asyncio.Event()

    async def come_late(route: Route) -> None:
        await gone_to.wait()
        await route.continue_()

    await page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search or go to")
    places = page.get_by_role("dialog").locator(".quick-switcher-list")
    await expect(places.get_by_role("option", selected=True)).to_have_count(1)
    await page.route("**/quick-switcher?*", come_late)
    await box.press_sequentially("casmu")
    await expect(places).to_have_attribute("aria-busy", "true")
    await page.keyboard.press("Enter")
    gone_to.set()
    await page.wait_for_url("**/c/books/40")
    await expect(page.get_by_role("dialog")).to_have_count(0)


@pytest.mark.console("ERR_INTERNET_DISCONNECTED")
async def test_without_a_network_no_place_is_shown_that_is_not_of_what_is_typed(people: tuple[Person, Person]) -> None:
    ana, _ = people
    page = await ana.open("/c/books")
    await page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search or go to")
    places = page.get_by_role("dialog").locator(".quick-switcher-list")
    await expect(places.get_by_role("option", selected=True)).to_have_count(1)
    await ana.context.set_offline(True)
    await box.press_sequentially("casmu")
    await expect(places.get_by_role("alert")).to_have_text("That did not go through. Try again.")
    await expect(places.locator("a, button")).to_have_count(0)
    await page.keyboard.press("Enter")
    assert page.url == f"{ana.origin}/c/books"
    await ana.context.set_offline(False)
    await expect(places.get_by_role("option", selected=True)).to_contain_text("Casmurro")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/c/books/40")


async def test_the_box_is_closed_by_the_very_click_that_leads_elsewhere(people: tuple[Person, Person]) -> None:
    ana, _ = people
    for letters, place in (("gen", "a"), ("carl", "button")):
        page = await ana.open("/c/books")
        await page.keyboard.press("Control+k")
        await page.get_by_role("combobox", name="Search or go to").fill(letters)
        link = page.get_by_role("dialog").locator(f".quick-switcher-list {place}:has-text('{letters}')").first
        assert not await link.evaluate(
            "link => { link.click(); return document.getElementById('quick-switcher').open; }"
        )
        await page.wait_for_url("**/chat/*")


async def test_the_box_stays_open_when_a_page_that_was_on_its_way_arrives(people: tuple[Person, Person]) -> None:
    ana, _ = people
    page = await ana.open("/c/books")
    typed = asyncio.Event()

    async def come_late(route: Route) -> None:
        await typed.wait()
        await route.continue_()

    await page.route("**/chat/general", come_late)
    await page.get_by_role("link", name="general").click()
    await page.keyboard.press("Control+k")
    box = page.get_by_role("combobox", name="Search or go to")
    await box.press_sequentially("cas")
    typed.set()
    await page.wait_for_url("**/chat/general")
    await box.press_sequentially("mu")
    await expect(box).to_have_value("casmu")
    await expect(page.get_by_role("dialog").get_by_role("option", selected=True)).to_contain_text("Casmurro")
    await page.keyboard.press("Enter")
    await page.wait_for_url("**/c/books/40")
    await page.keyboard.press("Control+k")
    await page.keyboard.press("Escape")
    await page.get_by_role("link", name="general").click()
    await expect(messages(page)).not_to_have_count(0)
    await expect(page.get_by_role("dialog")).to_have_count(0)


async def test_from_an_old_message_one_reads_on_to_the_newest(server: Server, people: tuple[Person, Person]) -> None:
    ana, _ = people
    client = await server.sign_in("acme", "bruno@acme.test")
    await say_lines(server, [f"Line {number}" for number in range(120)])
    await ana.open(ROOM + "?at=10")
    await expect(ana.page.get_by_text("Line 119", exact=True)).to_have_count(0)
    newer = ana.page.get_by_role("link", name="Newer messages")
    while await newer.count():
        loaded = await messages(ana.page).count()
        await ana.page.locator(".scroller").evaluate("box => { box.scrollTop = box.scrollHeight; }")
        await expect(messages(ana.page)).not_to_have_count(loaded)
    await expect(ana.page.get_by_text("Line 119", exact=True)).to_be_attached()
    await client.post(ROOM, data={"text": "And then", "key": "then"})
    await client.aclose()
    await expect(ana.page.get_by_text("And then", exact=True)).to_be_attached()
    numbers = await messages(ana.page).evaluate_all("items => items.map(item => Number(item.dataset.number))")
    assert numbers == list(range(numbers[0], numbers[-1] + 1))


async def test_names_that_mean_harm_are_names(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await carla.open("/chat")
    for canary in CANARIES[:5]:
        await ana.open("/chat/new")
        await ana.page.get_by_label("Name").fill(canary[:80])
        await ana.page.get_by_label("Description").fill(canary)
        await ana.page.get_by_role("button", name="Create room").click()
        await expect(ana.page.get_by_label("Message", exact=True)).to_be_visible()
        await ana.page.locator("[data-attach]").set_input_files(
            [{"name": canary[:80].replace("/", "_"), "mimeType": "text/plain", "buffer": b"words"}]
        )
        await expect(ana.page.locator(".brought .file [name=file]")).to_have_count(1)
        await send(ana.page, "With a file")
        await expect(messages(ana.page).last.locator(".file")).to_be_visible()
        await expect(ana.page.locator("main :is(script:not([src^='/static/']), [hx-get], hx-partial)")).to_have_count(0)
        assert "broken" not in (await ana.page.title()).replace(canary[:80], "")
    await carla.page.reload()
    await expect(carla.page.locator("main :is(script:not([src^='/static/']), [hx-get], hx-partial)")).to_have_count(0)


async def test_members_whose_names_mean_harm_have_names(server: Server, people: tuple[Person, Person]) -> None:
    ana, carla = people
    page = ana.page
    harm = page.locator(":is(script:not([src]), img[onerror], b[hx-get], hx-partial, .mention strong, .mention a)")
    box = page.get_by_label("Message", exact=True)
    people_of = ("bruno", "carla", "davi", "eva")
    added = server.run("member", "add", "acme", "eva@acme.test", "--name", "Eva", "--password", PASSWORD)
    assert added.returncode == 0, added.stderr
    clients = [await server.sign_in("acme", f"{name}@acme.test") for name in people_of]

    async def shows(name: str, where: Locator) -> None:
        """It is there as it was written."""
        await expect(where.first).to_contain_text(name)

    async def check_page() -> None:
        """Nothing of a name runs, and it fits a phone and a desktop."""
        await expect(harm).to_have_count(0)
        title = await page.title()
        for name in NAMES:
            title = title.replace(clean(name), "")
        assert "broken" not in title
        for size in ({"width": 390, "height": 800}, {"width": 1280, "height": 800}):
            await page.set_viewport_size(size)
            assert not await page.evaluate(WIDE), (page.url, size)

    def clean(written: str) -> str:
        return " ".join(re.sub("[\0\u202e\u2066]", "", written).split())

    played = NAMES[-times(4, len(NAMES)) :]
    for start in range(0, len(played), len(clients)):
        named: dict[str, tuple[str, httpx.AsyncClient]] = {}
        for written, who, client in zip(played[start:], people_of, clients, strict=False):
            assert (await client.post("/account/name", data={"name": written})).status_code == 303, written
            named[clean(written)] = who, client
        await ana.open(ROOM)
        for turn, (name, (who, client)) in enumerate(named.items(), start):
            await become(carla, server, f"{who}@acme.test")
            await carla.open(ROOM)
            await shows(name, page.locator(".side").get_by_role("listitem").filter(has_text=name))
            await carla.page.get_by_label("Message", exact=True).press_sequentially("Who is there")
            await shows(name, page.locator("[data-typing]"))
            await check_page()
            await carla.page.get_by_label("Message", exact=True).fill(f"@Ana, hello {turn}")
            await carla.page.keyboard.press("Enter")
            await expect(messages(page).last).to_contain_text(f"hello {turn}")
            await shows(name, messages(page).last.locator(".meta"))
            number = await messages(page).last.get_attribute("data-number")
            await client.post(f"{ROOM}/messages/{number}/react", data={"emoji": "🎉"})
            reaction = messages(page).last.get_by_role("button", name=f"🎉 1: {name}", exact=True)
            await expect(reaction).to_have_attribute("title", name)
            await box.fill("@" + name[:2])
            await shows(name, page.get_by_role("option").filter(has_text=name))
            await check_page()
            await box.press("Enter")
            await expect(box).to_have_value(f"@{name} ")
            await box.press("Enter")
            await shows(f"@{name}", messages(page).last.locator(".mention"))
            theirs = page.locator(f".message[data-number='{number}']")
            await theirs.hover()
            await theirs.get_by_role("link", name="Reply").click()
            await shows(name, page.locator("[data-answered]"))
            await check_page()
            await page.keyboard.press("Escape")
        for address, where in {
            f"{ROOM}/about": "main li",
            "/members": "main",
            "/notifications": "main li",
            "/chat/search?q=hello": "main li",
        }.items():
            await ana.open(address)
            await page.locator("main details").evaluate_all("all => all.forEach(each => { each.open = true; })")
            for name in named:
                await shows(name, page.locator(where).filter(has_text=name))
            await check_page()
        await ana.open("/chat")
        for name in named:
            await page.get_by_role("combobox", name="People").fill(name[:20])
            await shows(name, page.get_by_role("option").filter(has_text=name))
            await check_page()
        for name in named:
            await page.keyboard.press("Control+k")
            await page.get_by_role("combobox", name="Search or go to").fill(name[:20])
            place = page.locator(".quick-switcher-list :is(a, button)").filter(has_text=name)
            await shows(name, place)
            await check_page()
            await place.first.click()
            cut = name[:70]  # the name of a room has an end
            await shows(cut, page.locator("h1"))
            await shows(cut, page.locator(".side").get_by_role("link").filter(has_text=cut))
            await check_page()
    for client in clients:
        await client.aclose()


async def test_a_file_begins_a_discussion_and_its_box_keeps_a_draft(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await carla.open("/c/books/39")
    await ana.open("/c/books/39")
    await ana.page.locator("[data-attach]").set_input_files(
        [{"name": "scan.txt", "mimeType": "text/plain", "buffer": b"words"}]
    )
    await expect(ana.page.locator(".brought .file [name=file]")).to_have_count(1)
    await send(ana.page, "The first page")
    await expect(messages(carla.page).last.get_by_role("link", name="scan.txt")).to_be_visible()
    async with ana.page.expect_response("**/discussion/*/draft"):
        await ana.page.get_by_label("Message", exact=True).fill("And the second")
    await ana.page.reload()
    await expect(ana.page.get_by_label("Message", exact=True)).to_have_value("And the second")


async def test_who_says_something_from_far_up_sees_it_at_the_end(server: Server, people: tuple[Person, Person]) -> None:
    ana, _ = people
    await say_lines(server, [f"Line {number}" for number in range(70)])
    await ana.open(ROOM)
    await expect(ana.page.get_by_role("listitem").filter(has_text="new messages")).to_be_visible()
    await expect(ana.page.get_by_text("Line 69", exact=True)).to_have_count(0)
    await send(ana.page, "I am here too")
    await expect(messages(ana.page).last).to_contain_text("I am here too")
    await expect(messages(ana.page).last).to_be_in_viewport()
    await expect(ana.page.get_by_text("Line 69", exact=True)).to_be_visible()


# Headless pages are never in the background, so that is played. It runs before the page's own scripts.
IN_BACKGROUND = """() => {
  let hidden = false;
  Object.defineProperty(Document.prototype, 'hidden', { get: () => hidden });
  addEventListener('test:hide', (event) => {
    hidden = event.detail;
    document.dispatchEvent(new Event('visibilitychange'));
  });
}"""


async def test_only_what_was_on_screen_in_a_visible_tab_is_read(server: Server, people: tuple[Person, Person]) -> None:
    _, carla = people
    page = carla.page
    await page.add_init_script(f"({IN_BACKGROUND})()")
    await carla.open(ROOM)
    await page.evaluate("dispatchEvent(new CustomEvent('test:hide', { detail: true }))")
    await say_lines(server, [f"Line {number}" for number in range(40)])
    await expect(page.get_by_text("Line 39", exact=True)).to_be_attached()
    unread = page.get_by_role("region", name="Rooms").locator(".unread")
    await expect(unread).to_have_text("40")
    await expect(page).to_have_title(re.compile(r"^\(40\) general"))
    await expect(page.get_by_text("Line 0", exact=True)).to_be_in_viewport()
    async with page.expect_response("**/chat/general/read"):
        await page.evaluate("dispatchEvent(new CustomEvent('test:hide', { detail: false }))")
    await expect(unread).not_to_have_text("40")
    await expect(page.get_by_text("Line 39", exact=True)).not_to_be_in_viewport()
    left = int(await unread.inner_text())
    assert 0 < left < 40
    await page.get_by_role("button", name="New messages below").click()
    await expect(unread).to_be_hidden()
    # A message opened by its address: what lies before it was not on screen.
    await carla.open("/c/books")
    await say_lines(server, [f"Line {number}" for number in range(40, 140)])
    await expect(unread).to_have_text("99+")
    async with page.expect_response("**/chat/general/read"):
        await carla.open(f"{ROOM}?at=110")
    await expect(page.get_by_text("Line 103", exact=True)).to_be_in_viewport()
    await expect(unread).to_have_attribute("data-read", "46")
    await page.get_by_role("link", name=re.compile("general")).click()
    await expect(page.locator("#unread-line + .message")).to_have_attribute("data-number", "47")
    await expect(unread).not_to_have_attribute("data-read", "46")


async def test_what_changes_in_a_hidden_tab_moves_nothing_where_somebody_reads_further_up(
    server: Server, people: tuple[Person, Person]
) -> None:
    _, carla = people
    page = carla.page
    await page.add_init_script(f"({IN_BACKGROUND})()")
    await say_lines(server, [f"Line {number}" for number in range(40)])
    async with page.expect_response("**/chat/general/read"):
        await carla.open(f"{ROOM}?at=end")
    await carla.open(f"{ROOM}?at=10")
    read = page.get_by_text("Line 3", exact=True)
    await expect(read).to_be_in_viewport()
    await page.evaluate("dispatchEvent(new CustomEvent('test:hide', { detail: true }))")
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        number = await messages(page).last.get_attribute("data-number")
        reacted = await ana.post(f"/chat/general/messages/{number}/react", data={"emoji": "👍"})
        assert reacted.status_code == 303, reacted.text
        await expect(messages(page).last.locator(".reactions")).to_contain_text("👍")
        await expect(read).to_be_in_viewport()
        await expect(page.get_by_text("Line 39", exact=True)).not_to_be_in_viewport()


async def test_files_by_drop_and_paste_wait_for_each_other_and_say_what_is_too_much(
    people: tuple[Person, Person],
) -> None:
    ana, carla = people
    page = ana.page
    await ana.open(ROOM)
    await carla.open(ROOM)
    # Made in the page: on its way there from here it would be copied and encoded for many seconds.
    await page.locator("[data-attach]").evaluate(
        "(input) => { const it = new DataTransfer(); it.items.add(new File([new Uint8Array(25_000_001)], 'film.bin'));"
        "input.files = it.files; input.dispatchEvent(new Event('change', { bubbles: true })); }"
    )
    await expect(page.get_by_role("alert")).to_have_text("film.bin: A file can be up to 25 MB.")
    dropped = await page.evaluate_handle(
        "() => { const it = new DataTransfer(); it.items.add(new File(['words'], 'dropped.txt')); return it; }"
    )
    held = asyncio.Event()

    async def hold(route: Any) -> None:
        await held.wait()
        await route.continue_()

    await page.route("**/chat/general/files", hold)
    await page.dispatch_event("ol.messages", "drop", {"dataTransfer": dropped})
    await page.evaluate(
        "() => { const it = new DataTransfer(); it.items.add(new File(['words'], 'pasted.txt'));"
        "document.getElementById('composer-text').dispatchEvent("
        "new ClipboardEvent('paste', { clipboardData: it, bubbles: true, cancelable: true })); }"
    )
    await expect(page.get_by_role("progressbar")).to_have_count(2)
    await page.get_by_label("Message", exact=True).fill("Both of them")
    await page.keyboard.press("Enter")
    await expect(page.locator("message-outbox .outgoing")).to_contain_text(
        "Will be sent as soon as the files are uploaded."
    )
    held.set()
    last = messages(carla.page).last
    await expect(last).to_contain_text("Both of them")
    await expect(last.get_by_role("link", name="dropped.txt")).to_be_visible()
    await expect(last.get_by_role("link", name="pasted.txt")).to_be_visible()
    await expect(page.get_by_label("Message", exact=True)).to_have_value("")


async def test_an_answer_that_was_lost_and_an_ended_session_cost_nothing(
    server: Server, people: tuple[Person, Person]
) -> None:
    ana, carla = people
    page = ana.page
    box = page.get_by_label("Message", exact=True)
    await ana.open(ROOM)
    await carla.open(ROOM)
    before = await messages(carla.page).count()
    client = await server.sign_in("acme", "ana@acme.test")

    async def lose_the_answer(route: Any) -> None:
        if route.request.method == "POST":
            await client.post(ROOM, data=dict(parse_qsl(route.request.post_data or "")))
            await route.abort()
            await page.unroute("**/chat/general")
        else:
            await route.continue_()

    # The server has it: the page finds out by what is pushed, and after a reload by what it shows.
    await page.route("**/chat/general", lose_the_answer)
    await box.fill("Said once")
    await page.keyboard.press("Enter")
    await expect(messages(carla.page)).to_have_count(before + 1)
    await expect(box).to_have_value("")
    await page.route("**/chat/general", lose_the_answer)
    await box.fill("Said once more")
    await page.keyboard.press("Enter")
    await expect(messages(carla.page)).to_have_count(before + 2)
    await page.reload()
    await expect(box).to_have_value("")
    await client.aclose()
    # Editing gives back what was in the box before.
    async with page.expect_response("**/chat/general/draft"):
        await box.fill("The next")
    await messages(page).last.hover()
    await messages(page).last.get_by_role("link", name="Edit message").click()
    await expect(box).to_have_value("Said once more")
    await box.fill("Said once more, mended")
    await page.keyboard.press("Enter")
    await expect(box).to_have_value("The next")
    await expect(messages(carla.page).last).to_contain_text("mended")
    # It follows a message of the same author, and says all the same that it was edited.
    await expect(messages(carla.page).last).to_have_class(re.compile("follows"))
    await expect(messages(carla.page).last.locator(".edited span")).to_be_visible()
    await expect(messages(page).last.get_by_role("link", name="edited")).to_be_visible()
    await ana.context.clear_cookies()
    await page.keyboard.press("Enter")
    await expect(page.locator("message-outbox .outgoing")).to_contain_text("Sign in again; what you typed is kept.")
    await expect(page.locator("message-outbox .outgoing .text")).to_have_text("The next")
    await expect(messages(carla.page)).to_have_count(before + 2)


async def test_messages_are_answered_by_keyboard_and_by_touch(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test", has_touch=True, is_mobile=True)
    page = ana.page
    await ana.open(ROOM)
    await send(page, "One")
    box = page.get_by_label("Message", exact=True)
    await box.press_sequentially("Two")
    await box.press("Enter")  # a touch keyboard has no Shift+Enter, so that Enter is a line
    await expect(box).to_have_value("Two\n")
    await page.get_by_role("button", name="Send").click()
    last = messages(page).last
    await expect(last).to_have_class(re.compile("follows"))
    await expect(last.get_by_role("button", name="React")).to_be_hidden()
    await last.locator(".text").tap()
    await expect(last.get_by_role("button", name="React")).to_be_visible()
    await page.get_by_label("Message", exact=True).focus()
    await last.locator(".when").focus()
    await page.keyboard.press("Tab")
    await expect(last.get_by_role("button", name="React")).to_be_focused()
    await page.keyboard.press("ArrowRight")
    await expect(last.get_by_role("link", name="Reply")).to_be_focused()
    await page.keyboard.press("Enter")
    await send(page, "Three")
    await expect(messages(page).last.locator(".quote")).to_contain_text("Ana Two")
    # The quote leads to what it quotes without leaving the page.
    address = page.url
    await messages(page).last.locator(".quote").tap()
    await expect(messages(page).nth(-2)).to_be_focused()
    assert page.url == address


async def test_what_changes_while_a_stretch_is_on_its_way_is_not_lost(
    server: Server, people: tuple[Person, Person]
) -> None:
    ana, _ = people
    page = ana.page
    client = await server.sign_in("acme", "bruno@acme.test")
    await say_lines(server, [f"Line {number}" for number in range(7, 71)])

    async def answer_late(route: Any) -> None:
        path = route.request.url.removeprefix(ana.origin)
        early = (await client.get(path)).text
        await client.post(f"{ROOM}/messages/{changed}/edit", data={"text": f"Line {changed}, mended"})
        await client.post(ROOM, data={"text": f"After {changed}", "key": f"after {changed}"})
        if "before" in path:
            await expect(page.get_by_text(f"After {changed}")).to_be_attached()
        else:  # the end is elsewhere, so only the button tells that it came
            await expect(page.get_by_role("button", name="New messages below")).to_be_visible()
        await route.fulfill(body=early, content_type="text/html")
        await page.unroute("**/chat/general?*=*")

    changed = 15  # older than what is shown
    await ana.open(f"{ROOM}?at=end")
    await page.route("**/chat/general?*=*", answer_late)
    await page.locator(".scroller").evaluate("box => { box.scrollTop = 0; }")
    await expect(page.get_by_text("Line 15, mended")).to_be_attached()
    changed = 60  # newer
    await ana.open(f"{ROOM}?at=30")
    await page.route("**/chat/general?*=*", answer_late)
    await page.locator(".scroller").evaluate("box => { box.scrollTop = box.scrollHeight; }")
    await expect(page.get_by_text("Line 60, mended")).to_be_attached()
    await expect(page.get_by_text("After 60")).to_be_attached()
    await client.aclose()


async def test_days_have_other_names_right_after_the_readers_midnight(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test", timezone_id="Pacific/Auckland")
    page = ana.page
    async with aclosing(await server.sign_in("acme", "carla@acme.test")) as carla:
        await carla.post(ROOM, data={"text": "Said today", "key": "today"})
    await ana.open(ROOM)
    said = await page.evaluate(
        "new Date(document.querySelector('ol.messages > .message:last-child').dataset.at).getTime()"
    )
    noon = await page.evaluate("said => new Date(said).setHours(12, 0, 0, 0)", said)
    await page.clock.install(time=noon / 1000)
    await ana.open(ROOM)
    await expect(page.locator("ol.messages > .day").last).to_have_text("Today")
    await page.clock.pause_at(noon / 1000 + 11 * 3600 + 3599)
    await page.locator("#main").evaluate(
        """main => main.insertAdjacentHTML('beforeend',
          `<time id="late" datetime="${new Date().toISOString()}" data-clock></time>`)"""
    )
    await page.clock.run_for(500)
    await expect(page.locator("ol.messages > .day").last).to_have_text("Today")
    await page.clock.run_for(600)
    await expect(page.locator("ol.messages > .day").last).to_have_text("Yesterday")
    await expect(page.locator("#late")).to_contain_text(",")  # a time of another day has its date
    # What is over a day ago is counted by the calendar.
    await page.clock.set_fixed_time(noon / 1000 + 86400 - 10 * 3600)
    words = """hours => {
      const moment = new Date(Date.now() - hours * 3600000).toISOString();
      document.querySelector('#late').outerHTML = `<time id="late" datetime="${moment}"></time>`;
      document.dispatchEvent(new Event('htmx:after:swap'));
      return document.querySelector('#late').textContent;
    }"""
    assert [await page.evaluate(words, hours) for hours in (23, 25, 27)] == ["23 hours ago", "yesterday", "2 days ago"]
