"""What a page loads, and that each page has the scripts that its elements need, however one came to it."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from playwright.async_api import Page, Route, expect

from app.web.assets import static_version
from tests.browser.pages import ready
from tests.conftest import Server

OTHER = "0123456789ab"
# What a pointer over the page makes it load (js/side-links.js): whether one is there is up to the test before.
LATER = {"prefetch.js", "transitions.js", "at-once.js", "late-styles.js"}
KB = 1024


class Loads:
    """What a page asks for, with nothing in the browser's cache, and the bytes that come of each request, but for what
    comes `LATER`."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: dict[str, str] = {}
        self.came: dict[str, int] = {}

    async def begin(self) -> None:
        self.client = await self.page.context.new_cdp_session(self.page)
        await self.client.send("Network.enable")
        self.client.on(
            "Network.requestWillBeSent",
            lambda event: self.asked.update({event["requestId"]: urlsplit(event["request"]["url"]).path}),
        )
        self.client.on(
            "Network.loadingFinished", lambda event: self.came.update({event["requestId"]: event["encodedDataLength"]})
        )

    async def open(self, address: str) -> list[tuple[str, int]]:
        await self.client.send("Network.clearBrowserCache")
        self.asked.clear()
        self.came.clear()
        await self.page.goto(address, wait_until="networkidle")
        await ready(self.page)
        asked = [(request, path) for request, path in self.asked.items() if path.rpartition("/")[2] not in LATER]
        return [(path, self.came.get(request, 0)) for request, path in asked]


async def test_a_page_that_nothing_is_kept_of_asks_for_little(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    loads = Loads(ana.page)
    await loads.begin()
    for path, requests, most in (
        ("/c/books", 15, 90 * KB),
        # With the menu of its messages, the emoji, the bar of the box and the way to a date: their scripts come later.
        ("/chat/general", 31, 126 * KB),
        ("/c/books/1", 32, 116 * KB),
    ):
        loaded = await loads.open(ana.origin + path)
        assert 0 < len(loaded) <= requests, (path, loaded)
        assert 0 < sum(size for _, size in loaded) <= most, (path, loaded)


async def test_a_page_reached_by_a_link_or_by_back_has_the_scripts_of_its_elements(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/settings")
    await page.evaluate("window.same = true")
    boxes: list[int] = []

    async def look_whether_it_is_shown(route: Route) -> None:
        boxes.append(await page.locator("#composer-text").count())
        await route.fallback()

    await page.route("**/js/rooms.js", look_whether_it_is_shown)

    await page.locator(".side").get_by_role("link", name="Books").click()
    await page.get_by_label("Select all on this page").check()
    await expect(page.get_by_text("42 selected")).to_be_visible()

    await page.locator(".side").get_by_role("link", name="general").click()
    await page.get_by_label("Message", exact=True).fill("Sent without leaving the page")
    await page.get_by_label("Message", exact=True).press("Enter")
    said = page.locator("ol.messages > .message.mine", has_text="Sent without leaving the page")
    await expect(said).to_be_visible()
    assert boxes == [0]
    assert page.url.endswith("/chat/general")

    await page.go_back()
    await page.get_by_label("Select all on this page").check()
    await expect(page.get_by_text("42 selected")).to_be_visible()

    await page.go_forward()
    await page.get_by_label("Message", exact=True).fill("And again")
    await page.get_by_label("Message", exact=True).press("Enter")
    await expect(page.locator("ol.messages > .message.mine", has_text="And again")).to_be_visible()
    assert await page.evaluate("window.same")


async def test_a_page_made_for_other_scripts_is_opened_as_a_whole_and_an_answer_goes_without_them(
    shared_server: Server, person: Any
) -> None:
    async def answer_as_another_version(route: Route) -> None:
        headers = await route.request.all_headers()
        if "hx-request" not in headers and "purpose" not in headers:  # it is opened, and not asked for by a script
            await route.fallback()
            return
        address = urlsplit(route.request.url)
        here = address._replace(netloc=f"127.0.0.1:{address.port}").geturl()
        answer = await route.fetch(url=here, headers={**headers, "host": address.netloc})
        text = (await answer.text()).replace(static_version(), OTHER)
        await route.fulfill(response=answer, headers={**answer.headers, "x-static": OTHER}, body=text)

    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/chat/new")
    await page.evaluate("window.same = true")
    await page.route("**/chat/new", answer_as_another_version)
    await page.route("**/c/books", answer_as_another_version)

    await page.locator("main form button[type=submit]").click()
    await expect(page.locator("main [role=alert]").first).to_be_visible()
    assert await page.evaluate("window.same")
    assert await page.locator(f"script[src*='{OTHER}']").count() == 0

    await page.locator(".side").get_by_role("link", name="Books").click()
    await page.get_by_label("Select all on this page").check()
    assert await page.evaluate("window.same") is None
