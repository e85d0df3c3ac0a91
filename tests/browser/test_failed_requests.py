"""A link or form that gets no answer leaves the page as it is, and says so."""

from __future__ import annotations

from functools import partial
from typing import Any

import pytest
from playwright.async_api import Route, expect

from tests.browser.lines import say_lines
from tests.browser.pages import ready
from tests.conftest import Server

# Which of the things that are to be free lie under a toast or the line about the connection, or those under each other.
COVERED = """(free) => {
  const signs = [...document.querySelectorAll("#toasts .toast, .live-state > span")].filter((sign) => sign.offsetWidth);
  const name = (element) => element.className || element.localName;
  const meets = (one, other) => {
    const [a, b] = [one.getBoundingClientRect(), other.getBoundingClientRect()];
    return a.left < b.right && b.left < a.right && a.top < b.bottom && b.top < a.bottom;
  };
  const covered = (sign) => [...document.querySelectorAll(free), ...signs.filter((other) => other !== sign)]
    .filter((element) => meets(sign, element)).map((element) => `${name(sign)} over ${name(element)}`);
  const out = signs.filter((sign) => sign.getBoundingClientRect().right > innerWidth - 8)
    .map((sign) => `${name(sign)} at the edge`);
  return [...signs.flatMap(covered), ...out];
}"""


@pytest.mark.console("status of 503")
async def test_a_server_that_can_not_answer_is_said_and_nothing_is_lost(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/announcements")
    await page.get_by_label("Title").fill("Stocktaking")

    async def fail(route: Route) -> None:
        if route.request.resource_type == "fetch":
            await route.fulfill(status=503, headers={"retry-after": "3"}, body="Restarting", content_type="text/html")
        else:
            await route.continue_()

    await page.get_by_label("Text").fill("On Friday")
    for control in (page.get_by_role("link", name="Books").first, page.get_by_role("button", name="Post announcement")):
        await page.route("**/*", fail)
        await control.click()
        toast = page.locator("#toasts .toast")
        await expect(toast).to_contain_text("The server could not respond.")
        await expect(toast).to_have_count(1)
        await expect(page.get_by_label("Title")).to_have_value("Stocktaking")
        assert page.url == f"{ana.origin}/announcements"
        await page.unroute_all()
        await toast.get_by_role("button", name="Dismiss").click()
        await expect(toast).to_have_count(0)
        assert await page.evaluate("document.activeElement !== document.body"), "the focus is lost"


async def answer_with(answer: dict[str, Any], route: Route) -> None:
    await route.fulfill(**answer)


@pytest.mark.console("status of")
async def test_an_answer_of_somebody_else_takes_no_place_of_a_page(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/account")
    form = page.locator("form[action='/account/name']")
    name = form.locator("[name=name]")
    await name.fill("Ana Maria")
    toast = page.locator("#toasts .toast")
    hotel = {"body": "<h1>Welcome to our network</h1>", "content_type": "text/html"}
    ours = {"x-page": "1"}
    for answer, said in (
        ({"status": 200, **hotel}, "No connection to the server."),
        ({"status": 403, **hotel}, "No connection to the server."),
        ({"status": 408, "body": ""}, "No connection to the server."),
        ({"status": 502, **hotel}, "The server could not respond."),
        ({"status": 413, **hotel}, "The server did not accept this (413)."),
        ({"status": 429, "body": ""}, "The server did not accept this (429)."),
        ({"status": 400, "headers": ours, **hotel}, "The server did not accept this (400)."),
    ):
        await page.route("**/account/name", partial(answer_with, answer))
        await form.get_by_role("button").click()
        await expect(toast).to_contain_text(said)
        await expect(name).to_have_value("Ana Maria")
        await page.unroute("**/account/name")
        await toast.get_by_role("button", name="Dismiss").click()
    assert page.url == f"{ana.origin}/account"


FOREIGN = """<h1>Welcome to our network</h1><div class="quick-switcher-list"><a href="/pay">Pay first</a></div>"""


@pytest.mark.console("status of 404")
@pytest.mark.parametrize("status", [200, 404])
async def test_what_a_page_asks_for_by_itself_and_somebody_else_answers_is_asked_for_again(
    server: Server, person: Any, status: int
) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    client = await server.sign_in("acme", "ana@acme.test")
    await say_lines(server, [f"Line {number}" for number in range(120)], "ana")
    page = await ana.open("/chat/general?at=end")
    await ready(page)
    heading = await page.locator("#main h1").inner_text()
    older = page.locator(".scroller > .older")
    hotel = {"status": status, "body": FOREIGN, "content_type": "text/html"}
    await page.route("**/chat/general?*", partial(answer_with, hotel))
    await page.route("**/quick-switcher?*", partial(answer_with, hotel))
    async with page.expect_response("**/chat/general?*at=end*"):
        await client.post(
            "/settings", data={"name": "Acme", "language": "pt_BR", "session_days": "30"}, headers={"x-page": "1"}
        )
    async with page.expect_response("**/chat/general?before=*"):
        await older.scroll_into_view_if_needed()
    await expect(older).to_have_count(1)
    async with page.expect_response("**/quick-switcher?*"):
        await page.keyboard.press("Control+K")
        await page.keyboard.type("general")
    await expect(page.get_by_text("Pay first")).to_have_count(0)
    await page.keyboard.press("Escape")
    await expect(page.locator("#main h1")).to_have_text(heading)
    await page.unroute_all()
    await expect(page.locator("html")).to_have_attribute("lang", "pt-BR")
    await older.scroll_into_view_if_needed()
    await expect(page.get_by_text("Line 5", exact=True)).to_have_count(1)
    await client.aclose()


async def test_a_link_without_a_network_is_said(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/announcements")
    await page.get_by_label("Title").fill("Stocktaking")
    await ana.context.set_offline(True)
    await page.get_by_role("link", name="Books").first.click()
    await expect(page.locator("#toasts .toast")).to_contain_text("No connection to the server.")
    await expect(page.get_by_label("Title")).to_have_value("Stocktaking")
    assert page.url == f"{ana.origin}/announcements"
    await page.get_by_role("button", name="Dismiss").click()
    await expect(page.get_by_role("link", name="Books").first).to_be_focused()
    await page.get_by_role("link", name="Books").first.click()
    await expect(page.locator("#toasts .toast")).to_have_count(1)
    await ana.context.set_offline(False)
    await expect(page.locator("#toasts .toast")).to_have_count(0)


@pytest.mark.console("htmx:error: timeout")
async def test_a_link_or_form_that_is_not_answered_in_time_is_said(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/account")
    await page.evaluate("htmx.config.defaultTimeout = 200")
    toast = page.locator("#toasts .toast")
    await page.route("**/*", lambda _route: None)
    form = page.locator("form[action='/account/name']")
    for control in (form.get_by_role("button"), page.get_by_role("link", name="Books").first):
        await control.click()
        await expect(toast).to_contain_text("No connection to the server.")
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)
        await toast.get_by_role("button", name="Dismiss").click()
    assert page.url == f"{ana.origin}/account"


# Answers begin, and break off after the headers.
BREAK_OFF = """() => {
  const ask = window.fetch;
  window.fetch = async (...given) => {
    const { status, headers, url, redirected } = await ask(...given);
    const body = new ReadableStream({ start: (stream) => stream.error(new TypeError("network error")) });
    const response = new Response(body, { status, headers });
    return Object.defineProperties(response, { url: { value: url }, redirected: { value: redirected } });
  };
}"""


@pytest.mark.console("network error")
async def test_an_answer_that_breaks_off_is_said_and_asked_for_again(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/account")
    await page.evaluate(BREAK_OFF)
    toast = page.locator("#toasts .toast")
    form = page.locator("form[action='/account/name']")
    for control in (form.get_by_role("button"), page.get_by_role("link", name="Books").first):
        await control.click()
        await expect(toast).to_contain_text("No connection to the server.")
        await expect(page.locator("[aria-busy=true]")).to_have_count(0)
        await toast.get_by_role("button", name="Dismiss").click()
        await expect(control).to_be_enabled()
    assert page.url == f"{ana.origin}/account"


@pytest.mark.parametrize(
    ("path", "width", "kept_free"),
    [
        ("/chat/general", 390, ".bar, .room > .head, .composer"),
        ("/chat/general", 1280, ".bar, .room > .head, .composer"),
        ("/c/books/2/edit", 390, ".bar, main .actions, main .head"),
    ],
)
async def test_what_is_said_of_the_connection_lies_over_no_button(
    shared_server: Server, person: Any, path: str, width: int, kept_free: str
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test", viewport={"width": width, "height": 800})
    page = await ana.open(path)
    await ana.context.set_offline(True)
    await page.locator(".logo").click()
    await expect(page.locator("#toasts .toast")).to_be_visible()
    await expect(page.locator(".when-off")).to_be_visible()
    await page.evaluate("document.documentElement.dataset.refused = ''")
    covered = await page.evaluate(COVERED, kept_free)
    assert covered == []


@pytest.mark.console("status of 422")
async def test_what_a_form_lacks_has_the_focus_and_is_in_sight(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test", viewport={"width": 390, "height": 800})
    page = await ana.open("/account/security")
    await page.get_by_label("Current password").fill("not hers")
    await page.get_by_label("New password").fill("short")
    await page.get_by_role("button", name="Change password").click()
    said = page.locator("form[action='/account/password'] [role=alert]:not([hidden])")
    await expect(said).to_be_focused()
    await expect(said).to_be_in_viewport()
