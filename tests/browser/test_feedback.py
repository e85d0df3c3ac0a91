"""What one has asked for says that it is on its way."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.pages import REFRESH, ready
from tests.conftest import Server

# What moves on the page from here on, in `window.moved`: colours and opacity may change for who wants no motion.
NOTE_MOVEMENT = """() => {
  const places = ["transform", "translate", "rotate", "scale", "insetBlockStart", "top", "height"];
  window.moved = [];
  const look = () => {
    for (const animation of document.getAnimations()) {
      const frames = animation.effect.getKeyframes();
      const movement = places.filter((name) => new Set(frames.map((frame) => frame[name] ?? "none")).size > 1);
      if (movement.length) window.moved.push(`${animation.animationName ?? "a script"}: ${movement}`);
    }
    requestAnimationFrame(look);
  };
  look();
}"""
# Which request has ended, from here on, on <html>.
NOTE_END = """() => document.addEventListener("htmx:finally:request", ({ detail: { ctx } }) => {
  const { pathname } = new URL(ctx.request.action, location.href);
  document.documentElement.dataset.ended = (document.documentElement.dataset.ended ?? "") + ` ${pathname}`;
})"""
SHOWN = "getComputedStyle(document.body, '::after').animationName"


async def test_a_page_that_takes_long_says_that_it_is_on_its_way(server: Server, person: Any) -> None:
    ana = await person(server, "acme", "ana@acme.test")
    page = await ana.open("/")
    going_on = asyncio.Event()

    async def wait(route: Route) -> None:
        await going_on.wait()
        await route.continue_()

    await page.route("**/c/books", wait)
    assert await page.evaluate(SHOWN) == "none"
    await page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Books").click()
    await expect(page.locator(".htmx-request")).to_have_count(1)
    assert await page.evaluate(SHOWN) == "on-its-way"
    going_on.set()
    await expect(page.get_by_role("heading", name="Books", level=1)).to_be_visible()
    await expect(page.locator(".htmx-request")).to_have_count(0)
    assert await page.evaluate(SHOWN) == "none"


async def test_the_line_of_a_page_on_its_way_grows_from_where_lines_begin(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/")
    asked = asyncio.Event()

    async def wait(_route: Route) -> None:
        asked.set()

    await page.route("**/c/books", wait)
    await page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Books").click()
    await asked.wait()
    origin = "getComputedStyle(document.body, '::after').transformOrigin"
    assert await page.evaluate(origin) == "0px 0px"
    await page.evaluate("document.documentElement.dir = 'rtl'")
    assert await page.evaluate(f"{origin} === `${{innerWidth}}px 0px`")


@pytest.mark.parametrize("motion", ["reduce", "no-preference"])
async def test_nothing_moves_for_who_wants_no_motion(shared_server: Server, person: Any, motion: str) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test", reduced_motion=motion)
    carla = await person(shared_server, "acme", "carla@acme.test")
    page = await ana.open("/c/books/39")
    await page.evaluate(NOTE_MOVEMENT)
    await carla.open("/c/books/39/edit")
    await expect(page.locator(".lock .banner")).to_be_visible()
    await page.locator(".breadcrumb a[href='/c/books']").click()
    await expect(page.locator("record-list")).to_be_visible()
    await page.locator("#record-38 .title a").click()
    await expect(page.locator("#record-38-title")).to_be_visible()
    await page.locator("details.person summary").click()
    await page.locator("a[href='/account']").first.click()
    await page.locator("form[action='/account/time-zone']").get_by_role("button").click()
    await expect(page.locator("#toasts page-toast")).to_contain_text("Saved.")
    moved = set(await page.evaluate("window.moved"))
    assert (moved == set()) is (motion == "reduce"), moved


async def test_a_button_is_busy_until_the_answer_is_there_and_its_form_is_sent_once(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/account")
    going_on = asyncio.Event()
    posts: list[str] = []

    async def wait(route: Route) -> None:
        if route.request.method != "POST":
            await route.continue_()
            return
        posts.append(route.request.url)
        await going_on.wait()
        await route.continue_()

    await page.route("**/account/time-zone", wait)
    form = page.locator("form[action='/account/time-zone']")
    button = form.get_by_role("button")
    await expect(button).not_to_have_attribute("aria-busy", "true")
    await button.click()
    await expect(button).to_have_attribute("aria-busy", "true")
    await expect(button).to_have_css("position", "relative")  # that it takes a while is on it
    await form.evaluate("form => form.requestSubmit()")
    going_on.set()
    said = page.locator("#toasts page-toast")
    await expect(said).to_contain_text("Saved.")
    await expect(page.locator("main > .notice")).to_have_count(0)
    await expect(page.locator("#toasts")).to_have_attribute("role", "status")
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)
    assert len(posts) == 1
    await expect(page).to_have_url(f"{ana.origin}/account")  # so that a reload and Back do not say it again
    edges = await said.evaluate("toast => [toast, toast.lastChild].map((each) => each.getBoundingClientRect().right)")
    assert edges[0] - edges[1] < 16, "Dismiss stands at the end"
    before = await said.element_handle()
    await button.click()
    await page.wait_for_function("before => !before.isConnected", arg=before)
    await expect(said).to_have_count(1)  # the same words stand there once
    await said.get_by_role("button", name="Dismiss").click()
    await expect(said).to_have_count(0)


async def test_what_was_done_is_said_on_another_page_at_its_beginning(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/collections/new")
    await page.get_by_label("Name", exact=True).fill("Ferramentas")
    await page.get_by_label("First field").fill("Name")
    await page.locator("main").get_by_role("button", name="Create collection").click()
    said = page.locator("main > .notice[role=status]")
    await expect(said).to_contain_text("Collection created.")
    await expect(page.locator("#toasts page-toast")).to_have_count(0)
    await expect(page).to_have_url(f"{ana.origin}/c/ferramentas/fields")
    await page.evaluate(REFRESH)
    await expect(said).to_contain_text("Collection created.")
    await page.reload()
    await ready(page)
    await expect(said).to_have_count(0)
    await page.goto(f"{ana.origin}/c/ferramentas/fields?done=field")  # as a browser comes that sent the form itself
    await expect(said).to_contain_text("Fields saved.")
    await page.reload()
    await ready(page)
    await expect(said).to_have_count(0)


@pytest.mark.parametrize("left_by", ["Back", "a link"])
@pytest.mark.parametrize("control", ["form", "link"])
async def test_what_was_asked_for_on_a_page_that_was_left_takes_no_place_of_another(
    shared_server: Server, person: Any, control: str, left_by: str
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/chat/general")
    await page.locator("details.person summary").click()
    await page.locator("a[href='/account']").first.click()
    form = page.locator("form[action='/account/time-zone']")
    await expect(form).to_be_visible()
    address = "/account/time-zone" if control == "form" else "/c/books"
    answered, going_on = asyncio.Event(), asyncio.Event()

    async def wait(route: Route) -> None:
        if control == "link" or route.request.method == "POST":
            answered.set()
            await going_on.wait()
        await route.continue_()

    await page.route(f"**{address}", wait)
    await page.evaluate(NOTE_END)
    links = page.get_by_role("navigation", name="Workspace")
    if control == "form":
        await form.get_by_role("button").click()
    else:
        await links.get_by_role("link", name="Books").click()
    await answered.wait()
    if left_by == "Back":
        await page.go_back()
    else:
        await links.get_by_role("link", name="general").click()
    heading = page.get_by_role("heading", name="general", level=1)
    await expect(heading).to_be_visible()
    going_on.set()
    await expect(page.locator(f"html[data-ended~='{address}']")).to_have_count(1)
    await expect(heading).to_be_visible()
    assert page.url == f"{ana.origin}/chat/general"
    if left_by == "Back":
        await page.go_forward()
    else:
        await page.go_back()
    await expect(form).to_be_visible()


async def test_back_pressed_twice_leads_back_twice(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/announcements")
    await expect(page.get_by_role("heading", name="Announcements", level=1)).to_be_visible()
    links = page.get_by_role("navigation", name="Workspace")
    for name in ("Books", "general"):
        await links.get_by_role("link", name=name).click()
        await expect(page.get_by_role("heading", name=name, level=1)).to_be_visible()
    answered, going_on = asyncio.Event(), asyncio.Event()

    async def wait(route: Route) -> None:
        answered.set()
        await going_on.wait()
        await route.continue_()

    await page.route("**/c/books", wait)
    await page.evaluate("history.back()")
    await answered.wait()
    await page.evaluate("history.back()")
    await expect(page.get_by_role("heading", name="Announcements", level=1)).to_be_visible()
    going_on.set()
    assert page.url == f"{ana.origin}/announcements"


class Holding:
    """Holds back what the server answers at some addresses until each is let go."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.asked: dict[str, asyncio.Event] = {}
        self.let_go: dict[str, asyncio.Event] = {}

    async def hold(self, address: str) -> None:
        asked, let_go = self.asked[address], self.let_go[address] = asyncio.Event(), asyncio.Event()

        async def wait(route: Route) -> None:
            if "purpose" in route.request.headers:  # that it is pointed at is another matter
                await route.abort()
                return
            asked.set()
            await let_go.wait()
            await route.continue_()

        await self.page.route(f"**{address}", wait)


@pytest.mark.parametrize("how", ["pointer", "keyboard"])
@pytest.mark.parametrize("names", [("Books", "general"), ("Books", "general", "Books")])
async def test_of_links_that_are_followed_quickly_the_last_one_leads_on(
    shared_server: Server, person: Any, names: tuple[str, ...], how: str
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/")
    addresses = {"Books": "/c/books", "general": "/chat/general"}
    holding = Holding(page)
    for address in addresses.values():
        await holding.hold(address)
    await page.evaluate(NOTE_END)
    for name in names:
        address = addresses[name]
        holding.asked[address].clear()
        link = page.get_by_role("navigation", name="Workspace").get_by_role("link", name=name)
        if how == "pointer":
            await link.click()
        else:
            await link.press("Enter")
        await holding.asked[address].wait()
    others = [address for name, address in addresses.items() if name != names[-1]]
    for address in [*others, addresses[names[-1]]]:
        holding.let_go[address].set()
        await expect(page.locator(f"html[data-ended~='{address}']")).to_have_count(1)
    await expect(page.get_by_role("heading", name=names[-1], level=1)).to_be_visible()
    assert page.url == f"{ana.origin}{addresses[names[-1]]}"
    await page.go_back()
    await expect(page).to_have_url(f"{ana.origin}/")


async def test_a_link_that_is_followed_while_a_form_is_on_its_way_leads_on_whichever_is_answered_first(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    carla = await shared_server.sign_in("acme", "carla@acme.test")
    await carla.post("/c/books/new", data={"title": "Left while it was saved"})
    page = await ana.open("/c/books?q=Left+while+it+was+saved")
    await page.get_by_role("link", name="Left while it was saved").click()
    await page.get_by_role("link", name="Edit", exact=True).click()
    await page.get_by_label("Notes").fill("Saved on the way out")
    holding = Holding(page)
    for address in ("/edit", "/chat/general"):
        await holding.hold(address)
    await page.get_by_role("button", name="Save", exact=True).click()
    await holding.asked["/edit"].wait()
    await page.get_by_role("navigation", name="Workspace").get_by_role("link", name="general").click()
    await holding.asked["/chat/general"].wait()
    holding.let_go["/edit"].set()
    await expect(page.get_by_text("Saved on the way out").first).to_be_visible()
    holding.let_go["/chat/general"].set()
    await expect(page.get_by_role("heading", name="general", level=1)).to_be_visible()
    assert page.url == f"{ana.origin}/chat/general"
    await carla.aclose()


SEND_TWICE = """(form) => {
  let sent = 0;
  addEventListener("submit", ({ defaultPrevented }) => { if (!defaultPrevented) sent += 1; });
  form.requestSubmit();
  form.requestSubmit();
  return [sent, form.querySelector("button").ariaBusy];
}"""


async def test_a_form_that_the_browser_sends_itself_is_sent_once(shared_server: Server, new_context: Any) -> None:
    page = await (await new_context()).new_page()
    await page.goto(shared_server.url("acme") + "/login")
    assert await page.locator("form:has([name=password])").evaluate(SEND_TWICE) == [1, "true"]
    await expect(page.get_by_role("alert")).to_be_visible()
    await expect(page.locator("[aria-busy=true]")).to_have_count(0)


STOP = """(form) => new Promise((resolve) => {
  form.requestSubmit();
  const before = form.querySelector("button").ariaBusy;
  navigation.addEventListener("navigateerror", () => resolve([before, form.querySelector("button").ariaBusy]));
  setTimeout(stop);
})"""


async def test_a_form_that_was_stopped_on_its_way_is_sent_again(shared_server: Server, new_context: Any) -> None:
    page = await (await new_context()).new_page()
    await page.goto(shared_server.url("acme") + "/login")
    await page.route("**/login", lambda _route: None)
    assert await page.locator("form:has([name=password])").evaluate(STOP) == ["true", None]
    await page.unroute_all()
    await page.locator("form:has([name=password])").evaluate("form => form.requestSubmit()")
    await expect(page.get_by_role("alert")).to_be_visible()


async def test_who_saves_a_record_is_told_so_once_and_without_a_line_above_it(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open("/c/books/12/edit")
    await page.get_by_label("Language").fill("Breton")
    await page.locator("#record-form").get_by_role("button", name="Save", exact=True).click()
    said = page.locator("#toasts page-toast")
    await expect(said).to_contain_text("Saved.")
    await expect(page.locator("#toasts")).to_have_attribute("role", "status")
    await expect(page).to_have_url(f"{ana.origin}/c/books/12")
    await expect(page.locator("main > .notice")).to_have_count(0)
    await page.reload()
    await ready(page)
    await expect(said).to_have_count(0)
