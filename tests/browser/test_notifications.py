"""Notifications as people see them: the bell in every tab, toasts, the inbox."""

from __future__ import annotations

import asyncio
import re
import signal
from contextlib import aclosing
from typing import Any

import pytest
from playwright.async_api import Locator, Page, Route, expect

from tests.browser.lines import say_lines
from tests.browser.pages import assert_equals_a_fresh_load, ready
from tests.conftest import Person, Server
from tests.waiting import until


@pytest.fixture
async def carla(server: Server, person: Any) -> Person:
    """Carla, a member, in front of a browser."""
    return await person(server, "acme", "carla@acme.test")  # type: ignore[no-any-return]


@pytest.fixture
async def people(server: Server, person: Any, carla: Person) -> tuple[Person, Person]:
    """Ana, who owns the workspace, in front of a browser of her own, and Carla."""
    return await person(server, "acme", "ana@acme.test"), carla


def bell(page: Page) -> Locator:
    return page.locator("#bell").get_by_role("link", name="Notifications")


def toasts(page: Page) -> Locator:
    return page.locator("#toasts .toast")


async def say(page: Page, text: str) -> None:
    await page.get_by_label("Message", exact=True).fill(text)
    await page.get_by_role("button", name="Send").click()
    await expect(page.locator("message-outbox .outgoing")).to_have_count(0)
    await expect(page.get_by_label("Message", exact=True)).to_have_value("")


async def unread(page: Page, count: int) -> None:
    await expect(bell(page)).to_have_attribute("data-unread", str(count))


async def test_a_mention_rings_in_each_tab_of_that_person_and_reading_it_quiets_all(
    server: Server, person: Any, people: tuple[Person, Person]
) -> None:
    ana, carla = people
    davi = await person(server, "acme", "davi@acme.test")
    await carla.open("/c/books")
    second = await carla.context.new_page()
    await second.goto(carla.origin + "/c/books/40")
    await ready(second)
    await davi.open("/c/books")
    await ana.open("/chat/general")
    await say(ana.page, "Have you seen this, @Carla?")
    await unread(carla.page, 1)
    await unread(second, 1)
    await unread(davi.page, 0)
    await expect(toasts(second)).to_have_text(re.compile(r"Ana mentioned you in general"))
    await expect(toasts(davi.page)).to_have_count(0)
    await toasts(second).get_by_role("link").click()
    await expect(second.locator(".message.fresh, .message").last).to_contain_text("Have you seen this")
    await unread(second, 0)
    await unread(carla.page, 0)
    await assert_equals_a_fresh_load(carla.page)


async def test_no_toast_for_what_one_is_looking_at_and_it_is_read(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await carla.open("/c/books/40")
    await carla.page.get_by_role("button", name="Follow").click()
    await expect(carla.page.get_by_role("button", name="Following")).to_be_visible()
    await ready(carla.page)
    await ana.open("/c/books/40/edit")
    await ana.page.get_by_label("Year").fill("1901")
    await ana.page.get_by_role("button", name="Save").click()
    await expect(carla.page.locator("dl.fields")).to_contain_text("1901")
    await carla.page.goto(carla.origin + "/notifications")
    await ready(carla.page)
    told = carla.page.get_by_role("listitem").filter(has_text="Ana changed Dom Casmurro: Year")
    await expect(told.first).to_be_visible()
    await unread(carla.page, 0)
    await expect(toasts(carla.page)).to_have_count(0)


async def test_who_has_acknowledged_is_seen_as_it_happens(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await ana.open("/announcements")
    await ana.page.get_by_label("Title").fill("Stocktaking")
    await ana.page.get_by_label("Everyone has to confirm that they have read it").check()
    await ana.page.get_by_role("button", name="Post announcement").click()
    await expect(ana.page.get_by_text("Announcement posted.")).to_be_visible()
    await ana.open("/announcements/1")
    readers = ana.page.locator(".readers-list")
    await expect(readers).to_contain_text("Carla not yet")
    await carla.open("/notifications")
    await carla.page.get_by_role("link", name="Acknowledge").click()
    await carla.page.get_by_role("button", name="Acknowledge").click()
    await unread(carla.page, 0)
    await expect(readers).not_to_contain_text("Carla not yet")
    await assert_equals_a_fresh_load(ana.page)


async def test_what_is_withdrawn_or_over_is_gone_from_open_pages_at_once(
    server: Server, person: Any, people: tuple[Person, Person]
) -> None:
    ana, carla = people
    await ana.open("/announcements")
    other = await ana.context.new_page()
    await other.goto(ana.origin + "/announcements")
    await ready(other)
    await ana.page.get_by_label("Title").fill("Stocktaking")
    await ana.page.get_by_label("Everyone has to confirm").check()
    await ana.page.get_by_role("button", name="Post announcement").click()
    await expect(other.get_by_role("link", name="Stocktaking")).to_be_visible()
    await carla.open("/announcements/1")
    await expect(carla.page.get_by_role("button", name="Acknowledge")).to_be_visible()
    await ana.open("/announcements/1")
    await ana.page.get_by_role("link", name="Withdraw").click()
    await ana.page.get_by_role("dialog").get_by_role("button", name="Withdraw").click()
    await expect(ana.page.get_by_text("The announcement was withdrawn.")).to_be_visible()
    await expect(other.get_by_role("link", name="Stocktaking")).to_have_count(0)
    await expect(carla.page.get_by_role("button", name="Acknowledge")).to_have_count(0)
    await expect(carla.page.get_by_text("This announcement was withdrawn.")).to_be_visible()


async def test_the_toast_of_what_is_withdrawn_goes_from_open_pages_and_others_stay(
    server: Server, carla: Person
) -> None:
    await carla.open("/chat/general")
    ana = await server.sign_in("acme", "ana@acme.test")
    for title in ("Stocktaking", "Fire drill"):
        await ana.post("/announcements", data={"title": title, "text": "", "acknowledge": "yes"})
    toasts = carla.page.locator("#toasts > page-toast")
    await expect(toasts).to_have_count(2)
    await ana.post("/announcements/1/withdraw")
    await expect(toasts).to_have_count(1)
    await expect(toasts).to_contain_text("Fire drill")
    await ana.aclose()


async def test_being_asked_for_a_record_does_not_ring_over_the_page_that_asks(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await carla.open("/c/books/40/edit")
    await ana.open("/c/books/40/edit")
    await ana.page.get_by_role("button", name="Ask").first.click()
    await expect(carla.page.get_by_role("button", name="Hand over")).to_be_visible()
    await unread(carla.page, 0)
    await expect(toasts(carla.page)).to_have_count(0)
    await carla.page.goto(carla.origin + "/notifications")
    await expect(carla.page.get_by_text("Ana asks to edit Dom Casmurro")).to_be_visible()
    await unread(carla.page, 0)


async def test_a_tab_that_nobody_sees_reads_nothing_until_it_is_looked_at(server: Server, carla: Person) -> None:
    await carla.page.add_init_script(
        "let shown = 'hidden'; Object.defineProperty(document, 'visibilityState', { get: () => shown });"
        "window.addEventListener('look', () => { shown = 'visible';"
        " document.dispatchEvent(new Event('visibilitychange')); })"
    )
    await carla.open("/members")
    async with aclosing(server.let_in("acme", "ana@acme.test")) as ana:
        changed = await ana.post("/members/3/role", data={"role": "admin"})  # all of Carla's page is fetched anew
    assert changed.status_code == 303, changed.text
    await expect(carla.page.get_by_role("link", name="Manage Davi")).to_be_visible()
    added = server.run("member", "add", "acme", "eva@acme.test", "--name", "Eva", "--password", "a long password")
    assert added.returncode == 0, added.stderr
    await expect(carla.page.get_by_role("link", name="Manage Eva")).to_be_visible()
    await unread(carla.page, 2)
    await carla.page.evaluate("window.dispatchEvent(new Event('look'))")
    await unread(carla.page, 1)
    await expect(toasts(carla.page)).to_have_count(0)


async def test_marking_all_read_leaves_what_comes_meanwhile(server: Server, carla: Person) -> None:
    await say_lines(server, ["One @Carla"], "ana")
    await carla.open("/notifications")
    await expect(carla.page.get_by_text("One @Carla")).to_be_visible()
    async with carla.page.expect_request("**/notifications/read-all") as asked:
        await carla.page.get_by_role("button", name="Mark all read").click()
    assert "until=" in str((await asked.value).post_data)
    await unread(carla.page, 0)
    await say_lines(server, ["Two @Carla"], "ana")
    await unread(carla.page, 1)
    await expect(carla.page.get_by_text("Two @Carla").first).to_be_visible()
    await expect(carla.page.locator(".unread-group")).to_have_count(1)


async def test_what_comes_while_the_page_before_is_refreshed_is_shown(server: Server, carla: Person) -> None:
    held, go_on = asyncio.Event(), asyncio.Event()

    async def hold(route: Route) -> None:
        if "x-refresh" in route.request.headers:
            held.set()
            await go_on.wait()
        await route.continue_()

    await carla.open("/c/books")
    await carla.page.route("**/c/books", hold)
    await carla.page.evaluate("document.dispatchEvent(new CustomEvent('page:refresh'))")
    await held.wait()
    await bell(carla.page).click()
    await expect(carla.page.get_by_role("heading", name="Notifications")).to_be_visible()
    await expect(carla.page.locator("html[data-ready=yes]")).to_be_visible()
    await say_lines(server, ["Good morning, @Carla"], "ana")
    await unread(carla.page, 1)
    go_on.set()
    await expect(carla.page.locator(".unread-group")).to_have_count(1)


async def test_a_tab_that_was_offline_has_the_count_of_the_database(server: Server, carla: Person) -> None:
    await carla.open("/c/books")
    await say_lines(server, ["One @Carla"], "ana")
    await unread(carla.page, 1)
    await carla.context.set_offline(True)
    await expect(carla.page.locator("html[data-live=off]")).to_be_attached()
    await say_lines(server, ["Two @Carla"], "ana")
    await say_lines(server, ["Three @Carla"], "ana")
    await carla.context.set_offline(False)
    await ready(carla.page)
    await unread(carla.page, 3)
    await assert_equals_a_fresh_load(carla.page)


@pytest.mark.console("net::ERR_CONNECTION_RE")  # of a script that comes when nothing else does
async def test_tabs_that_were_asleep_wake_up_with_the_count_of_the_database(
    server: Server, person: Any, people: tuple[Person, Person]
) -> None:
    ana, carla = people
    # Each in a browser of its own: a tab that stands still would hold up those that share its process.
    sleepers = [await person(server, "acme", "carla@acme.test") for _ in range(2)]
    asleep = [await each.open(path) for each, path in zip(sleepers, ("/c/books", "/members"), strict=True)]
    debuggers = [await page.context.new_cdp_session(page) for page in asleep]
    for debugger in debuggers:  # no script of theirs runs from here on, as in a machine that sleeps
        await debugger.send("Debugger.enable")
        await debugger.send("Debugger.pause")
    awake = await carla.open("/c/books/40")
    await ana.open("/chat/general")
    await say(ana.page, "Read elsewhere, @Carla")
    await unread(awake, 1)
    await awake.goto(carla.origin + "/chat/general")
    await unread(awake, 0)
    await awake.goto(carla.origin + "/c/books/40")
    await ready(awake)
    server.stop(signal.SIGKILL)
    server.start()
    await ready(ana.page)
    await say(ana.page, "Unread, @Carla")
    await unread(awake, 1)
    for debugger in debuggers:
        await debugger.send("Debugger.disable")
    for page in asleep:
        await unread(page, 1)
        await assert_equals_a_fresh_load(page)


async def test_toasts_stack_three_high_and_can_be_dismissed(server: Server, carla: Person) -> None:
    await carla.open("/c/books")
    for number in range(4):
        await say_lines(server, [f"Number {number} @Carla"], "ana")
    await expect(toasts(carla.page)).to_have_count(3)
    await expect(toasts(carla.page).first).to_contain_text("Number 1")
    await toasts(carla.page).first.get_by_role("button", name="Dismiss").click()
    await expect(toasts(carla.page)).to_have_count(2)
    await expect(carla.page.get_by_role("status", name="New notifications")).to_contain_text("Number 3")


async def test_a_toast_that_comes_as_its_reader_goes_on_is_shown_once(server: Server, carla: Person) -> None:
    held: list[str | bytes] = []
    pages: list[Any] = []

    def pass_on(page: Any) -> None:
        pages.append(page)
        behind = page.connect_to_server()
        behind.on_message(lambda text: held.append(text) if '"#toasts"' in text else page.send(text))

    await carla.page.route_web_socket(re.compile("/live$"), pass_on)
    await carla.open("/c/books")
    await say_lines(server, ["Have you seen this, @Carla?"], "ana")
    await until(lambda: bool(held))
    await carla.page.locator("#main").get_by_role("link", name="Dom Casmurro").click()
    await carla.page.wait_for_url("**/c/books/40")
    await ready(carla.page)
    await unread(carla.page, 1)
    await expect(toasts(carla.page)).to_have_count(0)
    pages[-1].send(held[0])
    await expect(toasts(carla.page)).to_have_text(re.compile("Ana mentioned you in general"))
    pages[-1].send(held[0])
    pages[-1].send(re.sub(r"^<!--\d+-->", "<!--999999-->", str(held[0])))
    await expect(carla.page.locator("#main")).to_have_attribute("data-cursor", "999999")
    await expect(toasts(carla.page)).to_have_count(1)
