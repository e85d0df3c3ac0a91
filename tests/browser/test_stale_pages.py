"""A refresh takes nothing away: no answer to a form, no typed text, no report. The page says that it is stale."""

from __future__ import annotations

import asyncio
import re
from contextlib import aclosing
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, Route, WebSocketRoute, expect

from tests.browser.pages import assert_equals_a_fresh_load, ready
from tests.conftest import Server
from tests.waiting import until


async def send(server: Server, who: str, path: str, /, **data: str) -> None:
    """Do something elsewhere, as somebody."""
    client = await server.sign_in("acme", who)
    answer = await client.post(path, data=data)
    await client.aclose()
    assert answer.status_code == 303, answer.text


async def change_language(server: Server) -> None:
    await send(server, "ana@acme.test", "/settings", name="Acme", language="pt_BR", session_days="30")


async def show_anew(page: Page) -> None:
    """Ask for the page as it is now, by keyboard."""
    await page.locator("#stale a").focus()
    await page.keyboard.press("Enter")


async def test_a_link_that_is_shown_once_stays_and_its_page_is_not_stale_by_its_own_making(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.open("/members")
    await ana.page.get_by_role("button", name="Create link").click()
    link = ana.page.get_by_label("Invitation link")
    await expect(link).to_have_value(re.compile("/join"))
    value = await link.input_value()
    await ready(ana.page)
    await expect(ana.page.locator("#stale")).to_be_empty()
    await send(shared_server, "bruno@acme.test", "/members/invitations", email="new@example.org", role="member")
    await expect(ana.page.get_by_text("new@example.org")).to_be_visible()
    await expect(link).to_have_value(value)
    await expect(ana.page.locator("#stale")).to_be_empty()
    assert ana.page.url == ana.origin + "/members"


ASKED_TO_REFRESH = """(which) => {
  document.getElementById("refresh").innerHTML = `<i data-refresh="${which}"></i>`;
  document.dispatchEvent(new CustomEvent("htmx:after:swap"));
}"""


async def test_what_is_no_other_page_does_not_hide_that_it_has_become_another_meanwhile(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page: Page = await ana.open("/c/books/fields")
    await page.locator("#field-label").fill("Typed")
    held: asyncio.Queue[Route] = asyncio.Queue()
    await page.route("**/c/books/fields", held.put)
    await page.evaluate(ASKED_TO_REFRESH, "names")
    await (await held.get()).continue_()
    await ready(page)
    await expect(page.locator("#stale")).to_be_empty()
    await page.evaluate(ASKED_TO_REFRESH, "")
    asked = await held.get()
    await page.evaluate(ASKED_TO_REFRESH, "names")
    await asked.continue_()
    await expect(page.locator("#stale")).to_contain_text("This page has changed.")
    await page.unroute_all(behavior="ignoreErrors")


A_FRAME_IN_BETWEEN = """() => {
  const shown = document.getElementById("main");
  new MutationObserver((_, observer) => {
    const main = document.getElementById("main");
    if (!main || main === shown) return;
    observer.disconnect();
    const was = main.dataset.cursor;
    const frame = (data) => !document.getElementById("live").dispatchEvent(new CustomEvent(
      "htmx:ws:before:message:incoming", { bubbles: true, cancelable: true, detail: { message: { data } } }));
    window.inBetween = [frame("<!--999999999--><i></i>"), frame("<i></i>"), main.dataset.cursor === was];
  }).observe(document.documentElement, { childList: true, subtree: true });
}"""


async def test_a_frame_for_the_page_before_is_not_put_into_the_one_that_has_just_taken_its_place(
    shared_server: Server, person: Any
) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.open("/members")
    await ready(ana.page)
    await ana.page.evaluate(A_FRAME_IN_BETWEEN)
    await ana.page.locator(".side a[href='/c/books']").click()
    await expect(ana.page.get_by_role("link", name="Dom Casmurro")).to_be_visible()
    assert await ana.page.evaluate("window.inBetween") == [True, True, True]


class LateSocket:
    """What a server says to a page, of which what comes from a text on is held back until it is let go."""

    def __init__(self, page: Page, text: str) -> None:
        self.page, self.text = page, text
        self.late: list[str | bytes] = []
        self.is_holding = True

    async def begin(self) -> None:
        await self.page.route_web_socket(re.compile("/live$"), self.connect)

    def connect(self, socket: WebSocketRoute) -> None:
        self.socket = socket
        socket.connect_to_server().on_message(self.pass_on)

    def pass_on(self, said: str | bytes) -> None:
        if self.is_holding and (self.late or self.text in str(said)):
            self.late.append(said)
        else:
            self.socket.send(said)

    def let_go(self) -> None:
        self.is_holding = False
        for said in self.late:
            self.socket.send(said)


AN_ANSWER_THAT_WAITS = """() => {
  const { fetch } = window;
  const waits = new Promise((resolve) => { window.goOn = resolve; });
  window.fetch = async (...asked) => {
    const answer = await fetch(...asked);
    if (String(asked[0]).endsWith("/c/books/40/edit")) { document.documentElement.dataset.came = "yes"; await waits; }
    return answer;
  };
}"""


async def edit_while_it_changes(server: Server, page: Page) -> Route:
    """Type into a form, and change a field of it elsewhere: the request of the page that looks what has changed."""
    await page.get_by_label("Year").fill("1900")
    held: asyncio.Queue[Route] = asyncio.Queue()
    await page.route("**/c/books/40/edit", held.put, times=1)
    await send(server, "ana@acme.test", "/c/books/fields/year/kind", kind="text", action="change")
    return await held.get()


async def has_looked(page: Page) -> None:
    await expect(page.locator("#stale")).to_contain_text("changed from Whole number to Text.")
    await expect(page.locator("html")).not_to_have_attribute("data-refreshing", "yes")


async def test_what_is_pushed_while_a_page_that_stays_is_fetched_anew_is_told_all_the_same(
    server: Server, person: Any
) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    page: Page = carla.page
    said = LateSocket(page, "was renamed")
    await said.begin()
    await carla.open("/c/books/40/edit")
    asked = await edit_while_it_changes(server, page)
    await send(server, "ana@acme.test", "/c/books/fields/year", label="Printed in", help="", default="")
    await until(lambda: bool(said.late))
    await asked.continue_()
    await has_looked(page)
    said.let_go()
    year = page.locator(".field", has=page.get_by_label("Year"))
    await expect(year).to_contain_text("“Year” was renamed to “Printed in”.")


async def test_what_comes_before_the_answer_of_a_page_that_stays_is_counted(server: Server, person: Any) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    page: Page = carla.page
    await carla.open("/c/books/40/edit")
    await page.evaluate(AN_ANSWER_THAT_WAITS)
    asked = await edit_while_it_changes(server, page)
    await asked.continue_()
    await expect(page.locator("html")).to_have_attribute("data-came", "yes")
    await send(server, "ana@acme.test", "/chat/general", text="Hello @Carla", key="counted")
    await expect(page.locator("#room-1-unread")).to_have_attribute("data-count", "1")
    await page.evaluate("window.goOn()")
    await has_looked(page)
    await ready(page)
    await expect(page.locator("#room-1-unread")).to_have_attribute("data-count", "1")
    await expect(page).to_have_title(re.compile(r"^\(1\)"))


async def test_what_an_answer_of_a_page_that_stays_has_counted_is_not_counted_again(
    server: Server, person: Any
) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    page: Page = carla.page
    said = LateSocket(page, "-unread")
    await said.begin()
    await carla.open("/c/books/40/edit")
    asked = await edit_while_it_changes(server, page)
    await send(server, "ana@acme.test", "/chat/general", text="Hello all", key="counted")
    await until(lambda: bool(said.late))
    await asked.continue_()
    await has_looked(page)
    said.let_go()
    await ready(page)
    await expect(page.locator("#room-1-unread")).to_have_attribute("data-count", "1")
    await expect(page).to_have_title(re.compile(r"^\(1\)"))


async def test_a_pasted_table_and_its_errors_outlive_a_change_of_language(server: Server, person: Any) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    await carla.open("/c/books/import")
    table = "Title,Year\nHelena,soon\n"
    await carla.page.get_by_label("Table").fill(table)
    await carla.page.get_by_role("button", name="Preview import").click()
    await expect(carla.page.get_by_text("Enter a number")).to_be_visible()
    await ready(carla.page)
    await change_language(server)
    await expect(carla.page.locator("#stale")).to_contain_text("mudou")
    await expect(carla.page.locator("#collections h2")).to_contain_text("Coleções")
    await expect(carla.page.get_by_text("Enter a number")).to_be_visible()
    await expect(carla.page.locator("#field-table")).to_have_value(table)


async def test_a_report_of_what_was_left_outlives_a_refresh(server: Server, person: Any) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    await carla.open("/c/books")
    await carla.page.get_by_role("checkbox", name="Select Dom Casmurro").check()
    client = await server.sign_in("acme", "bruno@acme.test")
    await client.get("/c/books/40/edit")
    await client.aclose()
    await carla.page.get_by_role("button", name="Delete selected").click()
    report = carla.page.get_by_role("heading", name="Nothing was deleted")
    await expect(report).to_be_visible()
    await ready(carla.page)
    await change_language(server)
    await expect(carla.page.locator("#stale")).to_contain_text("mudou")
    await expect(report).to_be_visible()
    await show_anew(carla.page)
    await expect(carla.page.get_by_role("heading", name="Books")).to_be_visible()
    await expect(report).to_have_count(0)


async def test_half_an_invitation_outlives_what_others_do(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    await ana.open("/members")
    await ana.page.get_by_label("Email").fill("half@")
    await send(shared_server, "bruno@acme.test", "/members/invitations", email="two@example.org", role="member")
    await expect(ana.page.get_by_text("two@example.org")).to_be_visible()
    await expect(ana.page.get_by_label("Email")).to_have_value("half@")
    await expect(ana.page.locator("#stale")).to_be_empty()


async def test_an_answer_goes_when_its_reader_loses_the_right_to_it(server: Server, person: Any) -> None:
    bruno = await person(server, "acme", "bruno@acme.test")
    await bruno.open("/settings/security")
    await bruno.page.locator("option").first.evaluate("option => { option.value = 'never' }")
    await bruno.page.get_by_label("How long people stay signed in").select_option("never")
    await bruno.page.get_by_role("button", name="Save").click()
    await expect(bruno.page.get_by_text("Choose one of these.")).to_be_visible()
    await ready(bruno.page)
    member = server.store.rows("SELECT id FROM member WHERE email = 'bruno@acme.test'")[0][0]
    await send(server, "ana@acme.test", f"/members/{member}/role", role="member")
    await expect(bruno.page.get_by_text("Choose one of these.")).to_have_count(0)
    await expect(bruno.page.get_by_text("Only admins of this workspace can do this.")).to_be_visible()


async def test_what_is_typed_stays_alone_of_a_page_that_its_reader_loses_the_right_to(
    server: Server, person: Any
) -> None:
    await send(server, "ana@acme.test", "/chat/new", name="Vault", private="yes")
    members = dict(server.store.rows("SELECT email, id FROM member WHERE tenant_id = 1"))
    await send(server, "ana@acme.test", "/chat/vault/invite", person=f"#{members['bruno@acme.test']}")
    await send(server, "ana@acme.test", "/chat/vault", text="Not for everybody", key="k")
    bruno = await person(server, "acme", "bruno@acme.test")
    await bruno.open("/collections/new")
    title, box = bruno.page.get_by_label("First field"), bruno.page.get_by_label("Message", exact=True)
    await title.fill("Half an announce")
    await send(server, "ana@acme.test", f"/members/{members['bruno@acme.test']}/role", role="member")
    await expect(bruno.page.locator("#stale")).to_contain_text("Only admins of this workspace can do this.")
    await expect(title).to_have_value("Half an announce")
    await bruno.open("/chat/vault")
    await expect(bruno.page.get_by_text("Not for everybody")).to_be_visible()
    await box.fill("Half a mess")
    await send(server, "ana@acme.test", "/chat/vault/remove", person=str(members["bruno@acme.test"]))
    await expect(bruno.page.locator("#stale")).to_be_visible()
    await expect(bruno.page.get_by_text("Not for everybody")).to_have_count(0)
    await expect(box).to_have_value("Half a mess")


async def test_the_answer_of_a_form_that_was_refused_goes_with_a_role(server: Server, person: Any) -> None:
    bruno = await person(server, "acme", "bruno@acme.test")
    await bruno.open("/settings")
    picture = {"name": "no.png", "mimeType": "image/png", "buffer": b"nothing"}
    for _ in range(2):
        await bruno.page.locator("#field-picture").set_input_files([picture])
        await bruno.page.get_by_role("button", name="Use this logo").click()
        await expect(bruno.page.locator("#error-picture")).to_be_visible()
        await ready(bruno.page)
    assert urlsplit(bruno.page.url).path == "/settings", "an address that can be opened again"
    member = server.store.rows("SELECT id FROM member WHERE email = 'bruno@acme.test'")[0][0]
    await send(server, "ana@acme.test", f"/members/{member}/role", role="member")
    await expect(bruno.page.locator("#error-picture")).to_have_count(0)


# Every attribute and template of a page that has words in it.
WORDS = """() => {
  const found = [];
  const look = (root) => {
    for (const element of root.querySelectorAll('*')) {
      for (const { name, value } of element.attributes) {
        const isText = ['aria-label', 'title', 'placeholder', 'alt'].includes(name);
        const isData = name.startsWith('data-') && / /.test(value);
        if ((isText || isData) && !element.matches('time, main')) found.push(`${element.localName} ${name} ${value}`);
      }
      if (element.localName !== 'template') continue;
      found.push(`template ${element.content.textContent}`);
      look(element.content);
    }
  };
  look(document.body);
  return [...new Set(found)].sort();
}"""


@pytest.mark.parametrize("path", ["/", "/c/books", "/c/books/12", "/chat/general", "/members"])
async def test_after_a_change_of_language_no_word_of_the_old_one_is_left(
    server: Server, person: Any, path: str
) -> None:
    bruno = await person(server, "acme", "bruno@acme.test")
    page = await bruno.open(path)
    await change_language(server)
    await expect(page.locator("#collections h2")).to_contain_text("Coleções")
    await ready(page)
    fresh = await bruno.context.new_page()
    await fresh.goto(page.url)
    await ready(fresh)
    assert await page.evaluate(WORDS) == await fresh.evaluate(WORDS)
    await fresh.close()
    await assert_equals_a_fresh_load(page)
    box = page.locator("#composer-text")
    if await box.count():
        await box.fill("Ainda funciona")
        await box.press("Enter")
        await expect(page.locator("ol.messages .text", has_text="Ainda funciona")).to_be_visible()


async def test_of_an_import_that_was_looked_at_the_table_stays_when_the_collection_is_closed(
    server: Server, person: Any
) -> None:
    carla = await person(server, "acme", "carla@acme.test")
    await carla.open("/c/books/import")
    table = "Title,Year\nHelena,1876\n"
    await carla.page.get_by_label("Table").fill(table)
    await carla.page.get_by_role("button", name="Preview import").click()
    await expect(carla.page.get_by_role("heading", name="Import preview")).to_be_visible()
    await ready(carla.page)
    async with aclosing(await server.sign_in("acme", "ana@acme.test")) as ana:
        closed = await ana.post("/c/books/archive", data={"archived": "yes"})
        assert closed.status_code == 303
    await expect(carla.page.locator("#stale")).to_contain_text("archived")
    await expect(carla.page.get_by_label("Table")).to_be_visible()
    await expect(carla.page.get_by_label("Table")).to_have_value(table)


async def test_the_settings_that_nobody_touches_follow_what_others_save(shared_server: Server, person: Any) -> None:
    ana = await person(shared_server, "acme", "ana@acme.test")
    page: Page = await ana.open("/settings")
    name = await page.get_by_label("Name").input_value()
    for typed, color in (("Acme & Sons", "Violet"), (name, "Green")):
        saved = {"name": typed, "language": "en", "locale": "", "color": color.lower()}
        await send(shared_server, "bruno@acme.test", "/settings", **saved)
        await expect(page.get_by_label("Name")).to_have_value(typed)
        await expect(page.get_by_role("radio", name=color)).to_be_checked()
    await expect(page.locator("#stale")).to_be_empty()
