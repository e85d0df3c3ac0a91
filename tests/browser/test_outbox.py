"""What is typed is sent once, in order and as it was typed, on a network that loses answers."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from functools import partial
from typing import Any
from urllib.parse import parse_qs, parse_qsl

import httpx
import pytest
from playwright.async_api import Dialog, Locator, Page, Response, Route, expect

from tests.browser.pages import ready
from tests.conftest import PASSWORD, Person, Server
from tests.faults.extent import times
from tests.waiting import until

ROOM = "/chat/general"
POSTS = re.compile(r"/chat/general$")


@pytest.fixture
async def ana(shared_server: Server, person: Any) -> Person:
    return await person(shared_server, "acme", "ana@acme.test")


@pytest.fixture
async def clients(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    """Ana and Carla, beside their browsers."""
    made = {name: await shared_server.sign_in("acme", f"{name}@acme.test") for name in ("ana", "carla")}
    yield made
    for client in made.values():
        await client.aclose()


class Network:
    """What a page posts to the room: let through, lost, or reaching the server with the answer lost."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self.client = client
        self.does = "pass"
        self.sent: list[dict[str, list[str]]] = []
        self.answers: list[tuple[int, str, dict[str, str]]] = []
        self.held = asyncio.Event()
        self.held.set()

    async def take(self, route: Route) -> None:
        if route.request.method != "POST":
            return await route.continue_()
        body = route.request.post_data or ""
        self.sent.append(parse_qs(body, keep_blank_values=True))
        await self.held.wait()
        if self.answers:
            status, text, headers = self.answers.pop(0)
            text = text.replace("KEY", self.sent[-1].get("key", [""])[0])
            own = {"content-type": "text/plain", "x-page": "1"}
            return await route.fulfill(status=status, body=text, headers=own | headers)
        if self.does == "lose the answer":
            form: dict[str, Any] = {}
            for name, value in parse_qsl(body, keep_blank_values=True):
                form.setdefault(name, []).append(value)
            path = "/" + route.request.url.split("/", 3)[3]
            await self.client.post(path, data=form, headers={"x-page": "1"})
        if self.does == "pass":
            return await route.continue_()
        return await route.abort()

    @property
    def texts(self) -> list[str]:
        return [each["text"][0] for each in self.sent]


async def open_room(
    person: Person, client: httpx.AsyncClient, pattern: re.Pattern[str] = POSTS, *, live: bool = True
) -> Network:
    """Open the room on a network of ours; without `live` nothing is pushed to it."""
    network = Network(client)
    if not live:
        await person.page.route_web_socket(re.compile("/live$"), lambda socket: None)
    await person.open(f"{ROOM}?at=end", live=live)
    await person.context.route(pattern, network.take)  # not before: with routes a browser keeps no files
    return network


def box(page: Page) -> Locator:
    return page.get_by_label("Message", exact=True)


def waiting(page: Page) -> Locator:
    return page.locator("message-outbox .outgoing:not(.sent)")


def shown(page: Page, text: str) -> Locator:
    """The message with a text, as it came from the server."""
    return page.locator("ol.messages > .message").filter(has=page.locator(".text").get_by_text(text, exact=True))


async def say(page: Page, text: str) -> None:
    await box(page).fill(text)
    await box(page).press("Enter")


async def stored(client: httpx.AsyncClient) -> list[str]:
    """The texts of the newest messages."""
    page = (await client.get(f"{ROOM}?at=end")).text
    return re.findall(r'<div class="text"><p>([^<]*)</p>', page)


async def online_again(page: Page, network: Network) -> None:
    network.does = "pass"
    await page.evaluate("dispatchEvent(new Event('online'))")


@pytest.mark.parametrize("when", ["at once", "after it was sent by itself"])
async def test_what_is_typed_after_a_lost_answer_is_another_message_with_its_file(
    ana: Person, clients: dict[str, httpx.AsyncClient], when: str
) -> None:
    page = ana.page
    network = await open_room(ana, clients["ana"], live=False)
    network.does = "lose the answer"
    await say(page, f"First, {when}")
    await expect(box(page)).to_have_value("")
    await expect(waiting(page).locator("[data-state]")).to_have_text("Not sent")
    await box(page).press_sequentially(f"Second, {when}")
    await page.locator("[data-attach]").set_input_files([{"name": "a.txt", "mimeType": "text/plain", "buffer": b"a"}])
    await expect(page.locator(".brought [name=file]")).to_have_count(1)
    if when == "at once":
        await box(page).press("Enter")
        await online_again(page, network)
    else:
        await online_again(page, network)
        await expect(waiting(page)).to_have_count(0)
        await expect(box(page)).to_have_value(f"Second, {when}")
        await box(page).press("Enter")
    await expect(waiting(page)).to_have_count(0)
    await expect(page.locator("message-outbox > [role=status]")).to_be_empty()
    await page.reload()
    await expect(shown(page, f"Second, {when}").get_by_role("link", name="a.txt")).to_be_visible()
    await expect(page.locator("message-outbox .outgoing")).to_have_count(0)
    assert (await stored(clients["ana"]))[-2:] == [f"First, {when}", f"Second, {when}"]
    by_key: dict[str, set[str]] = {}
    for each in network.sent:
        by_key.setdefault(each["key"][0], set()).add(each["text"][0])
    assert sorted(by_key.values(), key=str) == [{f"First, {when}"}, {f"Second, {when}"}]


async def test_what_is_typed_or_pasted_while_a_message_is_on_its_way_stays_in_the_box(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    network = await open_room(ana, clients["ana"])
    network.held.clear()
    await box(page).press_sequentially("first thought")
    await page.keyboard.press("Enter")
    await expect(box(page)).to_have_value("")
    await expect(waiting(page)).to_contain_text("Sending…")
    await page.keyboard.type("second ome")
    await page.keyboard.press("Backspace")
    await page.keyboard.press("Backspace")
    await page.keyboard.type("ne")
    await page.keyboard.press("Enter")
    await page.keyboard.type("not this")
    await page.keyboard.press("Control+a")
    await page.keyboard.insert_text("third, **pasted** <b>over</b>")
    await page.keyboard.press("Enter")
    await expect(waiting(page).locator(".text")).to_have_text(
        ["first thought", "second one", "third, **pasted** <b>over</b>"]
    )
    await expect(waiting(page).locator("b, strong")).to_have_count(0)
    network.held.set()
    await expect(page.locator("message-outbox .outgoing")).to_have_count(0)
    await expect(box(page)).to_be_focused()
    assert network.texts == ["first thought", "second one", "third, **pasted** <b>over</b>"]
    await expect(page.locator("ol.messages > .message .text").last).to_have_text("third, pasted <b>over</b>")


async def test_what_one_answers_is_kept_over_leaving_and_reload_and_elsewhere(
    shared_server: Server, person: Any, ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    await clients["carla"].post(ROOM, data={"text": "Who has the key", "key": "who has the key"})
    page = ana.page
    await open_room(ana, clients["ana"])
    asked = shown(page, "Who has the key")
    await asked.hover()
    await asked.get_by_role("link", name="Reply").click()
    async with page.expect_response("**/draft"):
        await box(page).fill("I have")
    await page.get_by_role("link", name=re.compile("Books")).first.click()
    await page.wait_for_url("**/c/books")
    await page.get_by_role("link", name=re.compile("general")).click()
    answered = page.locator("[data-answered]")
    await expect(answered).to_contain_text("Who has the key")
    await page.reload()
    await expect(answered).to_contain_text("Who has the key")
    again = await person(shared_server, "acme", "ana@acme.test")
    await again.open(ROOM)
    await expect(again.page.locator("[data-answered]")).to_contain_text("Who has the key")
    await expect(box(again.page)).to_have_value("I have")
    await box(page).press("Enter")
    await expect(shown(page, "I have").locator(".quote")).to_contain_text("Carla Who has the key")


async def test_an_answer_to_a_message_that_was_deleted_meanwhile_is_sent_only_as_it_is_said(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    posted = await clients["carla"].post(ROOM, data={"text": "A mistake", "key": "a mistake"}, headers={"x-page": "1"})
    await open_room(ana, clients["ana"])
    mistake = shown(page, "A mistake")
    await mistake.hover()
    await mistake.get_by_role("link", name="Reply").click()
    await box(page).fill("No, it is right")
    await clients["carla"].post(f"{ROOM}/messages/{posted.json()['number']}/delete")
    await expect(page.get_by_text("It was deleted.")).to_be_visible()
    await box(page).press("Enter")
    entry = waiting(page)
    await expect(entry).to_contain_text("Not sent The message you replied to was deleted.")
    await expect(page.locator("message-outbox [role=status]")).to_contain_text(
        "The message you replied to was deleted."
    )
    await entry.get_by_role("button", name="Edit").click()
    await expect(entry).to_have_count(0)
    await expect(box(page)).to_have_value("No, it is right")
    await box(page).press("Enter")
    await say(page, "Later, and not held up")
    await expect(shown(page, "Later, and not held up")).to_be_visible()
    await expect(shown(page, "No, it is right")).to_have_count(0)
    await entry.get_by_role("button", name="Send without the quote").click()
    await expect(shown(page, "No, it is right")).to_be_visible()
    await expect(entry).to_have_count(0)


async def test_what_is_not_sent_yet_is_sent_from_other_pages_and_by_its_own_member_alone(
    shared_server: Server, ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    network = await open_room(ana, clients["ana"])
    network.does = "lose"
    await say(page, "Sent from the books")
    await expect(waiting(page)).to_contain_text("Not sent")
    await page.get_by_role("link", name=re.compile("Books")).first.click()
    await page.wait_for_url("**/c/books")
    await page.reload()
    await page.get_by_role("link", name=re.compile("general")).click()
    await expect(waiting(page).locator(".text")).to_have_text("Sent from the books")
    await expect(box(page)).to_have_value("")
    await page.get_by_role("link", name=re.compile("Books")).first.click()
    await page.wait_for_url("**/c/books")
    async with page.expect_response(POSTS):
        await online_again(page, network)
    assert (await stored(clients["ana"]))[-1] == "Sent from the books"
    # Signed out with one that is not sent: it waits for the same member.
    network.does = "lose"
    await ana.open(f"{ROOM}?at=end")
    await say(page, "Only by Ana")
    await expect(waiting(page)).to_contain_text("Not sent")
    for email, count in (("carla@acme.test", 0), ("ana@acme.test", 1)):
        await page.get_by_label("Your account").click()
        await page.get_by_role("button", name="Sign out").click()
        await page.get_by_label("Email").fill(email)
        await page.get_by_label("Password").fill(PASSWORD)
        await page.get_by_role("button", name="Sign in").click()
        await page.locator("body[data-member]").wait_for()
        tried = len(network.sent)
        await ana.open(f"{ROOM}?at=end")
        await expect(waiting(page)).to_have_count(count)
        if not count:
            await say(page, "By Carla")
            await expect(waiting(page)).to_contain_text("Not sent")
            assert set(network.texts[tried:]) == {"By Carla"}
            await waiting(page).get_by_role("button", name="Edit").click()
    await online_again(page, network)
    await expect(shown(page, "Only by Ana")).to_be_visible()
    await expect(waiting(page)).to_have_count(0)


async def test_a_tab_that_was_duplicated_sends_and_shows_nothing_twice(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    network = await open_room(ana, clients["ana"])
    network.does = "lose"
    await say(page, "From one of two tabs")
    await say(page, "Taken back in one")
    await expect(waiting(page).first).to_contain_text("Not sent")
    async with page.expect_popup() as opening:  # which begins with a copy of the tab's store
        await page.evaluate("void window.open(location.href)")
    other = await opening.value
    await ready(other)
    await expect(waiting(other)).to_have_count(2)
    await expect(box(other)).to_have_value("")
    await waiting(page).first.get_by_role("button", name="Edit").click()
    await expect(waiting(other)).to_have_count(1)
    await expect(waiting(other)).to_contain_text("Taken back in one")
    tried = len(network.sent)
    await online_again(page, network)
    await online_again(other, network)
    for tab in (page, other):
        await expect(shown(tab, "Taken back in one")).to_have_count(1)
        await expect(tab.locator("message-outbox .outgoing")).to_have_count(0)
    assert network.texts[tried:] == ["Taken back in one"]
    await box(page).press("Enter")
    for tab in (page, other):
        await expect(shown(tab, "From one of two tabs")).to_have_count(1)
    assert (await stored(clients["ana"]))[-2:] == ["Taken back in one", "From one of two tabs"]


async def test_a_message_that_came_through_after_all_is_not_said_twice_when_it_was_taken_back(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    network = await open_room(ana, clients["ana"], live=False)
    network.does = "lose the answer"
    await say(page, "Meet at nine")
    await expect(waiting(page)).to_contain_text("Not sent")
    await waiting(page).get_by_role("button", name="Edit").click()
    await expect(box(page)).to_have_value("Meet at nine")
    await page.reload()
    await say(page, "Meet at ten")
    await online_again(page, network)
    await expect(waiting(page)).to_contain_text("Something else was already sent: “Meet at nine”")
    assert (await stored(clients["ana"]))[-1] == "Meet at nine"
    await waiting(page).get_by_role("button", name="Send this too").click()
    await expect(waiting(page)).to_have_count(0)
    assert (await stored(clients["ana"]))[-2:] == ["Meet at nine", "Meet at ten"]


async def open_twice(ana: Person, client: httpx.AsyncClient, text: str) -> tuple[Page, Page]:
    """Two pages of a room with the same draft in their boxes."""
    await client.post(f"{ROOM}/draft", data={"text": text, "key": f"key of {text}"}, headers={"x-page": "1"})
    await ana.open(f"{ROOM}?at=end")
    other = await ana.context.new_page()
    await other.goto(ana.page.url)
    await ready(other)
    await expect(box(other)).to_have_value(text)
    return ana.page, other


@pytest.mark.parametrize("when", ["after it came", "while it is on its way"])
async def test_what_a_second_page_adds_to_the_same_draft_is_neither_lost_nor_taken_for_the_first(
    ana: Person, clients: dict[str, httpx.AsyncClient], when: str
) -> None:
    words = f"We meet {when}"
    page, other = await open_twice(ana, clients["ana"], words)
    held = asyncio.Event()
    if when == "while it is on its way":

        async def hold(route: Route) -> None:
            await held.wait()
            await route.continue_()

        await page.route(POSTS, hold)
    else:
        await other.route("**/draft", lambda route: route.abort())  # which would tell that it was sent
    await box(page).press("Enter")
    await expect(shown(other, words) if when == "after it came" else waiting(page)).to_be_visible()
    await box(other).press("End")
    await box(other).press_sequentially(", at nine")
    await box(other).press("Enter")
    held.set()
    await expect(waiting(other)).to_contain_text(f"Something else was already sent: “{words}”")
    await expect(waiting(other).locator(".text")).to_have_text(f"{words}, at nine")
    await expect(waiting(page)).to_have_count(0)
    await waiting(other).get_by_role("button", name="Send this too").click()
    for each in (page, other):
        await expect(shown(each, f"{words}, at nine")).to_be_visible()
        await expect(shown(each, words)).to_be_visible()
        await expect(each.locator("message-outbox .outgoing")).to_have_count(0)
    assert (await stored(clients["ana"]))[-2:] == [words, f"{words}, at nine"]


async def test_a_box_is_emptied_of_what_another_page_has_sent_but_not_of_what_was_typed_on(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page, other = await open_twice(ana, clients["ana"], "Sent from one of two pages")
    await box(page).press("Enter")
    await expect(shown(other, "Sent from one of two pages")).to_be_visible()
    await expect(box(other)).to_have_value("")
    await box(other).fill("Half of the next")
    await box(page).fill("Of the first page")
    await box(page).press("Enter")
    await expect(shown(other, "Of the first page")).to_be_visible()
    await expect(box(other)).to_have_value("Half of the next")
    await box(other).press("Enter")
    await expect(shown(page, "Half of the next")).to_be_visible()


async def test_a_box_is_emptied_of_what_another_page_has_sent_when_its_page_fetches_itself_anew(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page, other = await open_twice(ana, clients["ana"], "Sent while frames were missed")
    await other.evaluate(
        "document.addEventListener('htmx:ws:before:message:incoming', event => {"
        " event.preventDefault(); event.stopImmediatePropagation(); }, true)"
    )
    await box(page).press("Enter")
    await expect(shown(page, "Sent while frames were missed")).to_be_visible()
    await other.evaluate("document.dispatchEvent(new CustomEvent('page:refresh'))")
    await expect(shown(other, "Sent while frames were missed")).to_be_visible()
    await expect(box(other)).to_have_value("")


async def test_what_was_posted_is_shown_once_also_when_its_answer_is_lost_and_it_is_pushed(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    network = await open_room(ana, clients["ana"])
    network.does = "lose the answer"
    await say(page, "Shown *once*, and asked for again")
    await expect(page.locator("ol.messages > .message").last).to_contain_text("Shown once, and asked for again")
    await expect(page.locator("message-outbox .outgoing")).to_be_hidden()
    network.does = "pass"
    await expect(page.locator("message-outbox .outgoing")).to_have_count(0)
    assert len(set(map(str, network.sent))) == 1 < len(network.sent)


async def test_what_is_typed_stays_when_the_draft_it_began_with_was_sent_elsewhere_and_deleted(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    draft = {"text": "Sent elsewhere", "key": "sent elsewhere"}
    await clients["ana"].post(f"{ROOM}/draft", data=draft, headers={"x-page": "1"})
    page = ana.page
    await ana.open(f"{ROOM}?at=end")
    await page.route("**/draft", lambda route: route.abort())  # which would tell that it was sent
    posted = await clients["ana"].post(ROOM, data=draft, headers={"x-page": "1"})
    await clients["ana"].post(f"{ROOM}/messages/{posted.json()['number']}/delete", headers={"x-page": "1"})
    await expect(page.locator("ol.messages > .message").last.locator(".deleted")).to_be_visible()
    await page.unroute("**/draft")
    async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
        await box(page).press_sequentially(", and what I thought since")
    await expect(box(page)).to_have_value("Sent elsewhere, and what I thought since")
    await box(page).press("Enter")
    await expect(shown(page, "Sent elsewhere, and what I thought since")).to_be_visible()


async def test_a_new_word_is_not_taken_for_the_beginning_of_what_was_sent_elsewhere(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page, _ = await open_twice(ana, clients["ana"], "Hello there")
    await clients["ana"].post(ROOM, data={"text": "Hello there", "key": "key of Hello there"})
    async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
        await box(page).fill("He")
    await expect(box(page)).to_have_value("He")


async def test_what_a_tab_has_typed_is_there_after_another_tab_of_the_room_has_sent_something(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    await ana.open(f"{ROOM}?at=end")
    other = await ana.context.new_page()
    await other.goto(page.url)
    await ready(other)
    async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
        await box(page).fill("A long one, of which the server has one copy")
    async with other.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
        await box(other).fill("A short one")
    await box(other).press("Enter")
    await expect(shown(other, "A short one")).to_be_visible()
    await page.reload()
    await expect(box(page)).to_have_value("A long one, of which the server has one copy")

    async def server_has_it() -> bool:
        return "A long one, of which" in (await clients["ana"].get(ROOM)).text

    await until(server_has_it)
    await box(page).press("Enter")
    await expect(shown(page, "A long one, of which the server has one copy")).to_be_visible()
    await page.reload()
    await expect(box(page)).to_have_value("")


async def test_a_rewrite_stays_in_the_box_until_it_is_saved_or_cancelled(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    for text in ("One that is rewritten", "One that is answered"):
        await clients["ana"].post(ROOM, data={"text": text, "key": text})
    page = ana.page
    network = await open_room(ana, clients["ana"])
    network.answers = [(403, "This room is archived.", {})]
    await say(page, "Refused, and taken back")
    await expect(waiting(page)).to_contain_text("Not sent")
    await box(page).fill("The next one")

    async def use(text: str, tool: str) -> None:
        await shown(page, text).hover()
        await shown(page, text).get_by_role("link", name=tool).click()

    await use("One that is rewritten", "Edit message")
    await expect(box(page)).to_have_value("One that is rewritten")
    await box(page).fill("Half of the better wo")
    for name in ("Reply", "Edit message", "Edit"):
        if name == "Edit":
            await waiting(page).get_by_role("button", name=name).click()
        else:
            await use("One that is answered", name)
        await expect(page.get_by_role("alert")).to_have_text("You are editing a message. Save or cancel that first.")
        await expect(box(page)).to_have_value("Half of the better wo")
        await expect(page.locator("[data-answered]")).to_have_text("Edit message")
        await expect(waiting(page)).to_have_count(1)
        await box(page).press("Control+End")
        await expect(box(page)).to_be_focused()
        await box(page).evaluate("box => box.dispatchEvent(new Event('input', { bubbles: true }))")
        await expect(page.get_by_role("alert")).to_have_count(0)
    await say(page, "All of the better words")
    await expect(shown(page, "All of the better words")).to_be_visible()
    await expect(box(page)).to_have_value("The next one")
    await use("All of the better words", "Edit message")  # and nothing was changed of it
    await expect(box(page)).to_have_value("All of the better words")
    await use("One that is answered", "Reply")
    await expect(page.locator("[data-answered]")).to_have_text("Ana: One that is answered")
    await expect(box(page)).to_have_value("The next one")


async def test_who_is_too_fast_goes_on_by_itself_and_a_refused_one_holds_up_nothing(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    network = await open_room(ana, clients["ana"])
    network.answers = [(429, "That was too fast.", {"retry-after": "1"}), (403, "This room is archived.", {})]
    await say(page, "Refused")
    await say(page, "Let through")
    await expect(shown(page, "Let through")).to_be_visible()
    assert network.texts == ["Refused", "Refused", "Let through"]
    await expect(waiting(page)).to_have_count(1)
    await expect(waiting(page)).to_contain_text("Not sent This room is archived.")
    await waiting(page).get_by_role("button", name="Try again").click()
    await expect(shown(page, "Refused")).to_be_visible()
    await expect(waiting(page)).to_have_count(0)


async def test_two_edits_of_which_the_first_answer_is_lost_are_both_made_and_none_of_a_deleted_message(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    network = await open_room(ana, clients["ana"], re.compile(r"/messages/\d+/edit$"))
    await say(page, "Version nought")
    await expect(shown(page, "Version nought")).to_be_visible()
    await say(page, "Something after it")
    await expect(shown(page, "Something after it")).to_be_visible()
    number = await shown(page, "Version nought").get_attribute("data-number")
    await box(page).fill("The next one")
    message = page.locator(f".message[data-number='{number}']")

    async def edit(text: str) -> None:
        await message.hover()
        await message.get_by_role("link", name="Edit message").click()
        await expect(page.locator("[data-answered]")).to_have_text("Edit message")
        await say(page, text)
        await expect(box(page)).to_have_value("The next one")

    network.does = "lose the answer"
    await edit("Version one")
    await expect(message).to_contain_text("Version one")  # it is pushed
    await expect(waiting(page)).to_contain_text("Not saved")
    await online_again(page, network)
    await expect(waiting(page)).to_have_count(0)
    await edit("Version two")
    await expect(message).to_contain_text("Version two")
    await expect(waiting(page)).to_have_count(0)
    network.does = "lose"
    await edit("Version three")
    await expect(waiting(page)).to_contain_text("Not saved")
    await clients["ana"].post(f"{ROOM}/messages/{number}/delete")
    await expect(message).to_contain_text("Deleted by Ana")
    await online_again(page, network)
    await expect(waiting(page)).to_contain_text("Not saved This message has been deleted.")
    await waiting(page).get_by_role("button", name="Edit").click()
    await expect(box(page)).to_have_value("Version three\nThe next one")


async def test_enter_waits_for_files_and_says_so_when_the_page_was_left_before_they_came(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    await open_room(ana, clients["ana"])
    held = asyncio.Event()

    async def hold(route: Route) -> None:
        await held.wait()
        await route.abort()

    await page.route("**/chat/general/files", hold)
    await page.locator("[data-attach]").set_input_files([{"name": "b.txt", "mimeType": "text/plain", "buffer": b"b"}])
    await say(page, "With b")
    await expect(box(page)).to_have_value("")
    await expect(page.locator(".brought li")).to_have_count(0)
    await expect(waiting(page)).to_contain_text("Will be sent as soon as the files are uploaded.")
    await page.reload()
    held.set()
    await expect(waiting(page)).to_contain_text("The page was closed before all files were uploaded.")
    await expect(waiting(page).get_by_role("button", name="Try again")).to_have_count(0)
    await expect(waiting(page).get_by_role("button", name="Send without b.txt")).to_be_visible()
    await waiting(page).get_by_role("button", name="Edit").click()
    await expect(box(page)).to_have_value("With b")
    await expect(page.get_by_role("alert")).to_have_text("Attach again: b.txt")
    await box(page).fill("")
    assert "With b" not in await stored(clients["ana"])


async def test_a_message_of_whose_files_one_did_not_come_goes_without_it_only_when_that_is_said(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    await open_room(ana, clients["ana"])
    brought = 0

    async def lose_the_second(route: Route) -> None:
        nonlocal brought
        brought += 1
        await (route.abort() if brought % 2 == 0 else route.continue_())

    await page.route("**/chat/general/files", lose_the_second)
    files: Any = [{"name": name, "mimeType": "text/plain", "buffer": b"b"} for name in ("one.txt", "two.txt")]
    await page.locator("[data-attach]").set_input_files(files)
    await say(page, "With two files")
    await expect(waiting(page)).to_contain_text("Not sent two.txt: Not uploaded yet. It is tried again by itself.")
    await expect(waiting(page).get_by_role("button", name="Try again")).to_have_count(0)
    await page.reload()
    await waiting(page).get_by_role("button", name="Edit").click()
    await expect(page.get_by_role("alert")).to_have_text("Attach again: two.txt")
    await expect(page.locator(".brought .name")).to_have_text("one.txt")
    await page.locator("[data-attach]").set_input_files(files)
    await say(page, "With three files")
    await expect(waiting(page)).to_contain_text("Not sent")
    assert "With three files" not in await stored(clients["ana"])
    await waiting(page).get_by_role("button", name="Send without two.txt").click()
    await expect(shown(page, "With three files").locator(".file .name")).to_have_text(["one.txt", "one.txt"])
    await page.unroute("**/chat/general/files")
    await page.route("**/chat/general/files", lambda route: route.abort())
    await page.locator("[data-attach]").set_input_files(files[1:])
    failed = page.locator(".brought .failed")
    await expect(failed).to_contain_text("two.txt Not attached")
    await expect(page.get_by_role("alert")).to_have_text("two.txt: Not uploaded yet. It is tried again by itself.")
    await say(page, "Not without")
    await expect(waiting(page).get_by_role("button", name="Send without two.txt")).to_be_visible()
    await waiting(page).get_by_role("button", name="Edit").click()
    assert "Not without" not in await stored(clients["ana"])


@pytest.mark.console("status of 422")
async def test_a_picture_that_was_refused_is_not_asked_for_again_and_the_other_file_is_as_it_was(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    await open_room(ana, clients["ana"])
    good: Any = {"name": "one.txt", "mimeType": "text/plain", "buffer": b"one"}
    bad: Any = {"name": "bad.png", "mimeType": "image/png", "buffer": b"\x89PNG\r\n\x1a\n damaged"}
    await page.locator("[data-attach]").set_input_files([good])
    chip = page.locator(".brought li").first
    await expect(chip.locator("small")).to_have_text("3 Bytes")
    taken_out: list[int] = []
    page.on("response", lambda answer: taken_out.append(answer.status) if answer.url.endswith("/take-out") else None)
    await page.locator("[data-attach]").set_input_files([bad])
    await say(page, "With a damaged one")
    await expect(waiting(page)).to_contain_text("Not sent bad.png: This picture is damaged")
    await waiting(page).get_by_role("button", name="Edit").click()
    await expect(page.get_by_role("alert")).to_contain_text("bad.png: This picture is damaged")
    await expect(page.get_by_role("alert")).not_to_contain_text("Attach again")
    await expect(chip.locator("small")).to_have_text("3 Bytes")
    await expect(chip.locator("svg.icon")).to_be_visible()
    await page.locator("[data-attach]").set_input_files([bad])
    await expect(page.locator(".brought li.failed")).to_have_count(1)
    await page.locator(".brought li.failed").get_by_role("button", name="Remove bad.png").click()
    await page.reload()
    await ready(page)
    async with page.expect_response("**/take-out"):
        await chip.get_by_role("button").click()
    assert taken_out == [204], "what was refused is not in the store"
    await box(page).fill("")


async def attach(page: Page, name: str) -> None:
    await page.locator("[data-attach]").set_input_files([{"name": name, "mimeType": "text/plain", "buffer": b"words"}])


async def test_a_file_that_was_taken_out_is_neither_in_the_box_again_nor_sent_and_one_without_an_answer_is_there_once(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    await open_room(ana, clients["ana"])
    brought = page.locator(".brought li")
    arrived, held = asyncio.Event(), asyncio.Event()

    async def lose_the_answer(route: Route) -> None:
        headers = {"content-type": route.request.headers["content-type"], "x-page": "1"}
        body = route.request.post_data_buffer
        answer = await clients["ana"].post(f"{ROOM}/files", content=body, headers=headers)
        assert answer.status_code == 200, answer.text
        arrived.set()
        await held.wait()
        await route.abort()

    def is_about(key: str, answer: Response) -> bool:
        return answer.url.endswith("/take-out") and key in (answer.request.post_data or "")

    async def in_boxes() -> list[str]:
        return re.findall(r'<li class="file" data-upload="([^"]+)"', (await clients["ana"].get(ROOM)).text)

    await page.route("**/chat/general/files", lose_the_answer)
    await attach(page, "taken out.txt")
    await asyncio.wait_for(arrived.wait(), 20)
    async with page.expect_response("**/files/take-out"):
        await brought.get_by_role("button", name="Remove taken out.txt").click()
    held.set()
    assert await in_boxes() == []
    await attach(page, "brought again.txt")
    await expect(brought).to_contain_text("Not attached")
    await page.unroute("**/chat/general/files")
    await brought.get_by_role("button", name="Try again").click()
    await expect(brought.locator("[name=file]")).to_have_count(1)
    assert len(await in_boxes()) == 1, "it is there once"
    await page.route("**/chat/general/files", lose_the_answer)
    await page.route("**/files/take-out", lambda route: route.abort())
    await attach(page, "not attached.txt")
    await expect(brought.nth(1)).to_contain_text("Not attached")
    await attach(page, "out of reach.txt")
    await expect(brought.nth(2)).to_contain_text("Not attached")
    await brought.get_by_role("button", name="Remove out of reach.txt").click()
    await expect(brought).to_have_count(2)
    *wanted, taken_out = await in_boxes()
    assert len(wanted) == 2
    await page.reload()
    await ready(page)
    await expect(brought.locator(".name")).to_have_text(["brought again.txt", "not attached.txt"])
    await page.unroute("**/files/take-out")
    async with page.expect_event("response", partial(is_about, taken_out)):
        await page.evaluate("dispatchEvent(new Event('online'))")
    assert await in_boxes() == wanted
    await say(page, "With what was brought again")
    names = shown(page, "With what was brought again").locator(".file .name")
    await expect(names).to_have_text(["brought again.txt", "not attached.txt"])
    await page.reload()
    await ready(page)
    await expect(brought).to_have_count(0)
    assert await in_boxes() == []


async def asks_before_closing(page: Page) -> bool:
    """Whether a tab asks when somebody is about to close it; it stays open when it does."""
    closed, asked = asyncio.Event(), asyncio.Event()

    async def stay(dialog: Dialog) -> None:
        assert dialog.type == "beforeunload"
        asked.set()
        await dialog.dismiss()

    page.once("close", lambda _: closed.set())
    page.once("dialog", stay)
    await page.close(run_before_unload=True)
    waits = [asyncio.ensure_future(each.wait()) for each in (closed, asked)]
    await asyncio.wait(waits, timeout=20, return_when=asyncio.FIRST_COMPLETED)
    for each in waits:
        each.cancel()
    assert closed.is_set() or asked.is_set()
    return asked.is_set()


async def test_who_reloads_by_a_key_is_not_asked_about_what_the_tab_keeps(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    await open_room(ana, clients["ana"])
    asked: list[str] = []

    async def leave(dialog: Dialog) -> None:
        asked.append(dialog.type)
        await dialog.accept()

    await page.route("**/draft", lambda route: route.fulfill(status=429))
    await box(page).press_sequentially("The tab alone has it")
    page.on("dialog", leave)
    for key in ("F5", "Control+r"):
        await page.wait_for_function("() => Object.values(sessionStorage).some((text) => text.includes('missed'))")
        await page.keyboard.press(key)
        await page.reload()  # which a browser without a window leaves to who drives it
        await ready(page)
        await expect(box(page)).to_have_value("The tab alone has it")
    assert asked == []
    page.remove_listener("dialog", leave)
    await box(page).click()
    await page.wait_for_function("() => Object.values(sessionStorage).some((text) => text.includes('missed'))")
    assert await asks_before_closing(page)
    await page.unroute("**/draft")
    await box(page).fill("")


@pytest.mark.parametrize("navigation", [True, False])
async def test_a_tab_with_messages_behind_one_that_is_on_its_way_asks_before_it_is_closed(
    ana: Person, clients: dict[str, httpx.AsyncClient], navigation: bool
) -> None:
    page = ana.page
    if not navigation:
        await page.add_init_script("Object.defineProperty(window, 'navigation', { value: undefined })")
    network = await open_room(ana, clients["ana"])
    network.held.clear()
    await box(page).press_sequentially("first")
    await box(page).press("Enter")
    await box(page).press_sequentially("behind it")
    await box(page).press("Enter")
    await expect(waiting(page)).to_have_count(2)
    assert await asks_before_closing(page)
    network.held.set()
    await expect(page.locator("message-outbox .outgoing")).to_have_count(0)
    assert not await asks_before_closing(page)


@pytest.mark.parametrize("way", ["reload", "link"])
async def test_the_rewrite_of_a_message_that_was_deleted_meanwhile_is_there_again_with_its_place(
    ana: Person, clients: dict[str, httpx.AsyncClient], way: str
) -> None:
    page = ana.page
    posted = await clients["ana"].post(ROOM, data={"text": f"To rewrite, {way}", "key": way}, headers={"x-page": "1"})
    number = posted.json()["number"]
    await open_room(ana, clients["ana"])
    before = await box(page).input_value()
    message = page.locator(f"ol.messages > .message[data-number='{number}']")
    await message.hover()
    await message.get_by_role("link", name="Edit message").click()
    await expect(box(page)).to_have_value(f"To rewrite, {way}")
    await box(page).press_sequentially(", at length")
    assert await asks_before_closing(page)
    if way == "reload":
        await clients["ana"].post(f"{ROOM}/messages/{number}/delete")
        await expect(page.get_by_role("alert")).to_have_text("This message has been deleted.")
        await page.reload()
    else:
        await page.locator(".side a[href='/c/books']").click()
        await expect(box(page)).to_have_count(0)
        await clients["ana"].post(f"{ROOM}/messages/{number}/delete")
        await page.locator(f".side a[href^='{ROOM}']").first.click()
    await expect(box(page)).to_have_value(f"To rewrite, {way}, at length")
    await expect(page.get_by_role("alert")).to_have_text("This message has been deleted.")
    await page.get_by_role("button", name="Cancel").click()
    await expect(box(page)).to_have_value(before)
    assert not await asks_before_closing(page)


async def test_text_that_the_server_could_not_get_is_asked_about_before_its_tab_is_closed(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    await open_room(ana, clients["ana"])
    await page.route("**/draft", lambda route: route.abort())
    async with page.expect_event("requestfailed", lambda request: request.url.endswith("/draft")):
        await box(page).press_sequentially("Here alone")
    assert await asks_before_closing(page)
    await page.unroute("**/draft")
    async with page.expect_response("**/draft"):
        await box(page).press_sequentially(", and there")
    assert not await asks_before_closing(page)


async def test_what_a_full_store_does_not_take_is_kept_with_the_page_and_asked_about(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    network = await open_room(ana, clients["ana"])
    await box(page).fill("")
    await page.evaluate(
        "() => { let piece = 'x'.repeat(1 << 20); for (let part = 0; piece; part += 1)"
        " try { sessionStorage.setItem(`${part}`, piece); } catch { piece = piece.slice(piece.length / 2 + 1); } }"
    )
    network.does = "lose"
    await page.route("**/draft", lambda route: route.abort())
    await say(page, "In the queue")
    await box(page).press_sequentially("In the box")
    await expect(waiting(page)).to_contain_text("Not sent")
    assert "In the" not in await page.evaluate("JSON.stringify(sessionStorage)")
    await page.locator(".side a[href='/c/books']").click()
    await expect(box(page)).to_have_count(0)
    assert await asks_before_closing(page)
    await page.locator(f".side a[href^='{ROOM}']").first.click()
    await expect(box(page)).to_have_value("In the box")
    await expect(waiting(page)).to_contain_text("In the queue")
    await page.unroute("**/draft")
    await online_again(page, network)
    await expect(waiting(page)).to_have_count(0)
    await box(page).press("Enter")
    await expect(shown(page, "In the box")).to_be_visible()
    # It can be shown before its sender has the answer.
    await page.wait_for_function("() => dispatchEvent(new Event('beforeunload', { cancelable: true }))")
    assert not await asks_before_closing(page)


async def test_only_the_servers_own_answer_to_that_very_message_counts(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    network = await open_room(ana, clients["ana"], re.compile(r"/chat/general(/draft|/messages/\d+/edit)?$"))
    json = {"content-type": "application/json"}

    async def portal(route: Route) -> None:
        """The network of a hotel, which answers everything."""
        status = 204 if route.request.url.endswith(("/edit", "/draft")) else 200
        network.sent.append(parse_qs(route.request.post_data or ""))
        await route.fulfill(status=status, body="" if status == 204 else '{"signed in": false}', headers=json)

    await say(page, "Before the hotel")
    await expect(shown(page, "Before the hotel")).to_be_visible()
    await expect(waiting(page)).to_have_count(0)
    await page.route(re.compile(r"/chat/general(/draft|/messages/\d+/edit)?$"), portal)
    async with page.expect_response("**/draft"):
        await box(page).fill("Sent from the hotel")
    await box(page).press("Enter")
    await expect(waiting(page)).to_contain_text("Not sent")
    await shown(page, "Before the hotel").hover()
    await shown(page, "Before the hotel").get_by_role("link", name="Edit message").click()
    await expect(page.get_by_role("alert")).to_have_text("That did not work. Try again.")
    await page.unroute_all(behavior="wait")
    await page.context.route(re.compile(r"/chat/general$"), network.take)
    network.answers = [(200, '{"id": 1, "number": 1, "key": "another"}', json)]
    await online_again(page, network)
    await expect(shown(page, "Sent from the hotel")).to_be_visible()
    await expect(waiting(page)).to_have_count(0)
    await page.route(
        re.compile(r"/messages/\d+/edit$"),
        lambda route: portal(route) if route.request.method == "POST" else route.continue_(),
    )
    await shown(page, "Before the hotel").hover()
    await shown(page, "Before the hotel").get_by_role("link", name="Edit message").click()
    await expect(box(page)).to_have_value("Before the hotel")
    await say(page, "In the hotel")
    await expect(waiting(page)).to_contain_text("Not saved")
    await page.unroute_all(behavior="wait")
    await page.evaluate("dispatchEvent(new Event('online'))")
    await expect(shown(page, "In the hotel")).to_be_visible()
    await expect(waiting(page)).to_have_count(0)


async def test_what_was_not_sent_is_said_on_other_pages_until_it_is_dismissed(
    ana: Person, clients: dict[str, httpx.AsyncClient]
) -> None:
    page = ana.page
    network = await open_room(ana, clients["ana"])
    network.answers = [(403, "This room is archived.", {}) for _ in range(4)]
    await expect(page.locator("#bell [data-unread='0']")).to_be_attached()
    for number in range(4):
        await say(page, f"Refused {number}")
    await expect(waiting(page)).to_contain_text(["Not sent"] * 4)
    await page.get_by_role("link", name=re.compile("Books")).first.click()
    await page.wait_for_url("**/c/books")
    toasts = page.locator("#toasts .toast")
    await expect(toasts).to_have_count(4)
    await page.evaluate("document.dispatchEvent(new Event('htmx:after:swap'))")  # whatever is pushed
    await expect(toasts).to_contain_text([f"Refused {number}" for number in range(4)])
    await toasts.first.get_by_role("button", name="Dismiss").click()
    await expect(toasts).to_have_count(3)
    await page.reload()
    await expect(toasts).to_contain_text([f"Refused {number}" for number in range(1, 4)])
    await toasts.first.get_by_role("link", name="Open").click()
    await page.wait_for_url(f"**{ROOM}")
    await expect(toasts).to_have_count(0)


async def test_enter_of_an_input_method_sends_nothing(ana: Person, clients: dict[str, httpx.AsyncClient]) -> None:
    page = ana.page
    network = await open_room(ana, clients["ana"])
    await box(page).fill("にほ")
    for how in ("{ isComposing: true }", "{ keyCode: 229 }"):
        await box(page).evaluate(
            f"box => box.dispatchEvent(new KeyboardEvent('keydown', {{ key: 'Enter', bubbles: true, ...{how} }}))"
        )
    await box(page).press_sequentially(" @bru")
    await expect(page.locator("#completion")).to_contain_text("@Bruno")
    await box(page).evaluate(
        "box => box.dispatchEvent(new KeyboardEvent('keydown', { key: 'Enter', bubbles: true, keyCode: 229 }))"
    )
    await expect(box(page)).to_have_value("にほ @bru")
    await box(page).fill("にほ")
    await box(page).press("Shift+Enter")
    await expect(box(page)).to_have_value("にほ\n")
    await box(page).press("Enter")
    await expect(box(page)).to_have_value("")
    await expect(page.locator("message-outbox .outgoing")).to_have_count(0)
    assert network.texts == ["にほ\n"]


async def test_many_messages_in_a_second_go_out_in_order(ana: Person, clients: dict[str, httpx.AsyncClient]) -> None:
    page = ana.page
    network = await open_room(ana, clients["ana"], live=False)
    taken = '{"id": 1, "number": 1, "key": "KEY"}'
    count = times(60, 200)
    network.answers = [(200, taken, {"content-type": "application/json"}) for _ in range(count)]
    await page.evaluate(
        """count => {
          const box = document.querySelector('message-composer');
          for (let number = 0; number < count; number += 1) { box.area.value = `Burst ${number}`; box.send(); }
        }""",
        count,
    )
    await expect(page.locator("message-outbox .outgoing.sent")).to_have_count(count, timeout=60_000)
    assert network.texts == [f"Burst {number}" for number in range(count)]
    assert await page.locator("message-outbox .text").all_inner_texts() == network.texts
