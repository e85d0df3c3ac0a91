"""Promise 3, as two people see it side by side: who edits, who waits, and that nothing typed is lost."""

from __future__ import annotations

import asyncio
import itertools
import re
import signal
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, Route, expect

from tests.browser.pages import assert_equals_a_fresh_load, open_acts, ready
from tests.conftest import Person, Server, end_server, start_server
from tests.databases import Store
from tests.fields import NOTES, TITLE

NUMBERS = itertools.count(1)
# The page's own clock, which tests move: longer than a lease, and than it takes to be idle.
A_LEASE, IDLE = 31_000, 601_000


class Book:
    """A book of the demo that no other test edits. Time passes for its lock at once: its row says that it is over."""

    def __init__(self, server: Server, number: int) -> None:
        self.server = server
        self.number = number
        self.address = f"/c/books/{number}"
        self.edit = f"{self.address}/edit"
        ((self.id, self.title),) = server.store.rows(
            f"SELECT r.id, r.\"values\" ->> '{TITLE}' FROM record r JOIN collection c ON c.id = r.collection_id"
            " WHERE r.tenant_id = 1 AND c.slug = 'books' AND r.number = ?",
            number,
        )

    def end_lease(self) -> None:
        """Let the lease end that runs, or the turn."""
        self.server.store.rows(
            "UPDATE record SET lock_until = ? WHERE id = ?", self.server.store.read_lease_clock() - 1, self.id
        )

    def read_lease(self) -> int:
        """How long the lease still runs, in milliseconds."""
        ((until,),) = self.server.store.rows("SELECT lock_until FROM record WHERE id = ?", self.id)
        return int(until) - self.server.store.read_lease_clock()

    def end_patience(self) -> None:
        """Let the time pass that there was to answer somebody who asks."""
        self.server.store.rows("UPDATE waiting SET asked_at = asked_at - 30000 WHERE row_id = ?", self.id)

    def draft(self, member_id: int) -> str | None:
        """The notes in a member's draft."""
        found = self.server.store.rows(
            f"SELECT \"values\" ->> '{NOTES}' FROM draft WHERE row_id = ? AND member_id = ?", self.id, member_id
        )
        return found[0][0] if found else None


@pytest.fixture
def book(shared_server: Server) -> Book:
    return Book(shared_server, next(NUMBERS))


async def edit(person: Person, book: Book) -> Page:
    """Open the edit page, and wait until its lock is confirmed."""
    async with person.page.expect_response(lambda answer: answer.url.endswith("/lock/renew") and answer.status == 204):
        await person.open(book.edit)
    return person.page


async def cancel(person: Person) -> None:
    """Leave the edit page, and wait until the record is free."""
    await person.page.get_by_role("button", name="Cancel").click()
    await expect(person.page.get_by_role("link", name="Edit")).to_be_visible()


async def type_note(page: Page, text: str) -> None:
    """Type into the notes, and wait until the server has the draft."""
    async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
        await page.get_by_label("Notes").fill(text)


def banner(page: Page, name: str) -> Any:
    return page.get_by_role("status").filter(has_text=f"{name} has been editing")


@pytest.fixture
async def people(shared_server: Server, person: Any) -> tuple[Person, Person]:
    """Ana, who owns the workspace, and Carla, a member."""
    return (
        await person(shared_server, "acme", "ana@acme.test"),
        await person(shared_server, "acme", "carla@acme.test"),
    )


async def test_everybody_sees_who_edits_and_when_it_is_free_again(
    shared_server: Server, person: Any, people: tuple[Person, Person], book: Book
) -> None:
    ana, carla = people
    davi = await person(shared_server, "acme", "davi@acme.test")
    await carla.open(book.address)
    await davi.open("/c/books?sort=number")
    await edit(ana, book)
    await expect(banner(carla.page, "Ana")).to_be_visible()
    await expect(carla.page.get_by_role("link", name="Edit")).to_have_count(0)
    await expect(carla.page.get_by_role("button", name="Ask to edit")).to_be_visible()
    await open_acts(carla.page)
    await expect(carla.page.get_by_role("link", name="Duplicate")).to_be_visible()
    await expect(carla.page.get_by_role("button", name="Delete")).to_be_hidden()
    await carla.page.keyboard.press("Escape")
    row = davi.page.locator(f"tr[data-number='{book.number}']")
    await expect(row.locator(".mark")).to_have_text(re.compile("Being edited by\\s+Ana"))
    edited = davi.page.get_by_role("region", name="Being edited").get_by_text(book.title)
    await expect(edited).to_be_visible()
    await assert_equals_a_fresh_load(carla.page)
    await assert_equals_a_fresh_load(davi.page)
    await ana.page.get_by_role("button", name="Cancel").click()
    await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible()
    await expect(banner(carla.page, "Ana")).to_have_count(0)
    await expect(row.locator(".mark")).to_have_count(0)
    await expect(edited).to_have_count(0)
    await assert_equals_a_fresh_load(carla.page)
    await assert_equals_a_fresh_load(davi.page)


async def test_the_second_person_reads_asks_and_is_let_in(people: tuple[Person, Person], book: Book) -> None:
    ana, carla = people
    await edit(ana, book)
    await carla.open(book.edit)
    await expect(banner(carla.page, "Ana")).to_be_visible()
    await expect(carla.page.get_by_role("textbox", name="Notes")).to_have_count(0)
    await expect(carla.page.get_by_text("You are next in line.")).to_be_visible()
    await ana.page.get_by_label("Notes").focus()
    line = ana.page.get_by_role("status").filter(has_text="Carla is waiting to edit.")
    await expect(line).to_be_visible()
    toast = ana.page.locator("#toasts", has_text="Carla would like to edit this next.")
    await expect(toast).to_be_visible()
    assert await toast.locator(".toast").count() == 1
    await carla.page.get_by_role("button", name="Ask to edit").click()
    await expect(ana.page.get_by_text("Carla asks to edit", exact=True)).to_be_visible()
    await expect(ana.page.get_by_text("Carla is waiting to edit.")).to_have_count(0)  # said once
    await expect(ana.page.get_by_label("Notes")).to_be_focused()
    await ana.page.keyboard.type("X")
    await ana.page.get_by_role("button", name="Keep editing").click()
    await expect(carla.page.get_by_text("Ana wants to keep editing for now.")).to_be_visible()
    await expect(ana.page.get_by_text("Carla asks to edit", exact=True)).to_have_count(0)
    await expect(ana.page.get_by_label("Notes")).to_have_value(re.compile("X"))
    await carla.page.get_by_role("button", name="Ask to edit").click()
    await ana.page.get_by_role("button", name="Hand over").click()
    await expect(carla.page.get_by_text("It is your turn.", exact=True)).to_be_visible()
    await expect(ana.page.get_by_text("You have unsaved changes from")).to_be_visible()
    await expect(toast).to_have_count(0)
    await carla.page.get_by_role("link", name="Edit now").click()
    await carla.page.get_by_label("Year").fill("1901")
    await carla.page.get_by_role("button", name="Save").click()
    await expect(ana.page.locator("dl.fields")).to_contain_text("1901")
    await ana.page.get_by_role("link", name="Continue with them").click()
    await expect(ana.page.get_by_text("You have unsaved changes from")).to_be_visible()
    await expect(ana.page.get_by_text("Now saved").first).to_be_visible()


async def test_who_is_next_in_line_is_called_and_then_the_one_after(
    shared_server: Server, person: Any, people: tuple[Person, Person], book: Book
) -> None:
    ana, carla = people
    davi = await person(shared_server, "acme", "davi@acme.test")
    await edit(ana, book)
    await carla.open(book.edit)
    await davi.open(book.edit)
    await expect(davi.page.get_by_text("You are number 2 in line.")).to_be_visible()
    await ana.page.get_by_role("button", name="Save").click()
    await expect(carla.page.get_by_text("It is your turn.", exact=True)).to_be_visible()
    await expect(davi.page.get_by_text("It is Carla's turn to edit")).to_be_visible()
    book.end_lease()
    await expect(davi.page.get_by_text("It is your turn.", exact=True)).to_be_visible()
    await expect(carla.page.get_by_text("it has passed")).to_be_visible()
    await davi.page.get_by_role("link", name="Edit now").click()
    await expect(davi.page.get_by_label("Notes")).to_be_visible()
    await expect(banner(carla.page, "Davi")).to_be_visible()


async def test_who_leaves_the_line_is_not_called_and_who_leaves_the_page_edits_no_more(
    people: tuple[Person, Person], book: Book
) -> None:
    ana, carla = people
    await edit(ana, book)
    await carla.open(book.edit)
    await expect(ana.page.get_by_text("Carla is waiting to edit.")).to_be_visible()
    await carla.page.get_by_role("link", name="Books").first.click()
    await expect(ana.page.get_by_text("Carla is waiting to edit.")).to_have_count(0)
    mark = carla.page.locator(f"tr[data-number='{book.number}'] .mark")
    await expect(mark).to_be_visible()
    await ana.page.get_by_label("Notes").fill("Typed just before following a link")
    await ana.page.get_by_role("link", name="Books").first.click()
    await expect(mark).to_have_count(0)
    assert book.draft(1) == "Typed just before following a link"


async def test_two_tabs_wait_in_one_place_which_stays_when_one_of_them_is_left(
    people: tuple[Person, Person], book: Book
) -> None:
    ana, carla = people
    await edit(ana, book)
    await carla.open(book.edit)
    next_in_line = carla.page.get_by_text("You are next in line.")
    await expect(next_in_line).to_be_visible()
    second = await carla.context.new_page()
    await second.goto(carla.origin + book.edit)
    await ready(second)
    await expect(second.get_by_text("You are next in line.")).to_be_visible()
    await second.get_by_role("link", name="Books").first.click()
    await expect(second).to_have_url(re.compile(r"/c/books$"))
    await second.close()
    async with carla.page.expect_response("**/queue/stay") as stays:
        pass
    assert (await stays.value).status == 204
    await expect(next_in_line).to_be_visible()
    await expect(ana.page.get_by_text("Carla is waiting to edit.")).to_be_visible()
    await ana.page.get_by_role("button", name="Cancel").click()
    await expect(carla.page.get_by_text("It is your turn.", exact=True)).to_be_visible()


# Answers to opening an edit page come, and are held back from the page until `letGo` is called.
HOLD_BACK = """() => {
  const ask = window.fetch;
  const root = document.documentElement;
  const going = new Promise((resolve) => { window.letGo = resolve; });
  window.fetch = async (address, ...given) => {
    const answer = await ask(address, ...given);
    if (!String(address).endsWith("/edit")) return answer;
    root.dataset.given = Number(root.dataset.given ?? 0) + 1;
    await going;
    return answer;
  };
}"""


class Late:
    """A page whose edit page comes late, after the server has answered."""

    def __init__(self, page: Page) -> None:
        self.page = page

    async def follow(self) -> None:
        await self.page.evaluate(HOLD_BACK)
        await self.page.get_by_role("link", name="Edit", exact=True).click()

    async def let_go(self) -> None:
        await expect(self.page.locator("html[data-given='1']")).to_have_count(1)
        await self.page.evaluate("window.letGo()")

    async def leave(self, by: str) -> None:
        if by == "Back":
            await self.page.go_back()
        else:
            await self.page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Books").click()
        await expect(self.page.get_by_role("heading", name="Books", level=1)).to_be_visible()


async def open_from_list(person: Person, book: Book) -> None:
    await person.open("/c/books?sort=number")
    await person.page.locator(f"tr[data-number='{book.number}'] .title > a").click()
    await expect(person.page.get_by_role("heading", name=book.title)).to_be_visible()


@pytest.mark.parametrize("by", ["Back", "a link"])
async def test_an_edit_page_that_was_left_before_it_came_keeps_no_lock(
    people: tuple[Person, Person], book: Book, by: str
) -> None:
    ana, carla = people
    await carla.open(book.address)
    await open_from_list(ana, book)
    late = Late(ana.page)
    await late.follow()
    await expect(banner(carla.page, "Ana")).to_be_visible()
    await late.leave(by)
    await late.let_go()
    await expect(carla.page.get_by_role("link", name="Edit", exact=True)).to_be_visible()
    await expect(banner(carla.page, "Ana")).to_have_count(0)
    await expect(ana.page.get_by_role("heading", name="Books", level=1)).to_be_visible()


async def test_who_goes_on_to_edit_after_all_is_asked_for_one_lock(people: tuple[Person, Person], book: Book) -> None:
    ana, _ = people
    page = await ana.open(book.address)
    edits, others, going_on = asyncio.Event(), asyncio.Event(), asyncio.Event()
    asked: list[str] = []

    async def wait(route: Route) -> None:
        if "purpose" in route.request.headers:
            await route.abort()
            return
        asked.append(route.request.url)
        (edits if route.request.url.endswith("/edit") else others).set()
        await going_on.wait()
        await route.continue_()

    for address in (book.edit, "/c/books"):
        await page.route(f"**{address}", wait)
    link = page.get_by_role("link", name="Edit", exact=True)
    await link.click()
    await edits.wait()
    await page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Books").click()
    await others.wait()
    await link.click()
    async with page.expect_response(lambda answer: answer.url.endswith("/lock/renew") and answer.status == 204):
        going_on.set()
    await expect(page.get_by_label("Notes")).to_be_editable()
    assert asked == [f"{ana.origin}{book.edit}", f"{ana.origin}/c/books"]


async def test_a_page_in_line_that_was_left_before_it_came_has_no_place(
    people: tuple[Person, Person], book: Book
) -> None:
    ana, carla = people
    await open_from_list(carla, book)
    late = Late(carla.page)
    asked, going_on = asyncio.Event(), asyncio.Event()

    async def wait(route: Route) -> None:
        asked.set()
        await going_on.wait()
        await route.continue_()

    await carla.page.route(f"**{book.edit}", wait)
    await late.follow()
    await asked.wait()
    await edit(ana, book)
    going_on.set()
    await expect(ana.page.get_by_text("Carla is waiting to edit.")).to_be_visible()
    await late.leave("a link")
    await late.let_go()
    await expect(ana.page.get_by_text("Carla is waiting to edit.")).to_have_count(0)


async def test_an_unanswered_request_lets_the_asker_take_over(people: tuple[Person, Person], book: Book) -> None:
    ana, carla = people
    await edit(ana, book)
    await type_note(ana.page, "What Ana had typed")
    await carla.open(book.address)
    await carla.page.get_by_role("button", name="Ask to edit").click()
    await expect(carla.page.get_by_text("Without an answer, you can take over in")).to_be_visible()
    await expect(carla.page.get_by_role("button", name="Take over")).to_be_hidden()
    book.end_patience()
    await carla.page.get_by_role("button", name="Take over").click()
    await expect(carla.page.get_by_label("Notes")).to_be_visible()
    await expect(ana.page.get_by_text("You are no longer editing this.")).to_be_visible()
    await expect(ana.page.get_by_text("You have unsaved changes from")).to_be_visible()


async def test_while_what_was_typed_is_kept_on_a_slow_line_the_page_says_that_editing_has_ended(
    shared_server: Server, person: Any, people: tuple[Person, Person], book: Book
) -> None:
    _, carla = people
    bruno = await person(shared_server, "acme", "bruno@acme.test")
    await edit(carla, book)
    arrived = asyncio.Event()

    async def hold(route: Route) -> None:
        await arrived.wait()
        await route.fallback()

    await carla.page.route("**/draft", hold)
    await carla.page.get_by_label("Notes").fill("Not kept yet")
    await bruno.open(book.address)
    await bruno.page.get_by_text("Take over").first.click()
    await bruno.page.get_by_role("button", name="Take over now").click()
    said = carla.page.get_by_role("status").filter(has_text="Editing has ended here.")
    await expect(said).to_be_visible()
    arrived.set()
    await expect(carla.page.get_by_text("You are no longer editing this.")).to_be_visible()
    await expect(said).to_have_count(0)
    await expect(carla.page.get_by_text("You have unsaved changes from")).to_be_visible()
    await cancel(bruno)


async def test_an_admin_takes_over_with_a_confirmation_but_not_from_the_owner(
    shared_server: Server, person: Any, people: tuple[Person, Person], book: Book
) -> None:
    ana, carla = people
    bruno = await person(shared_server, "acme", "bruno@acme.test")
    await edit(carla, book)
    await carla.page.get_by_label("Notes").fill("Carla's last words")
    await bruno.open(book.address)
    await bruno.page.get_by_role("button", name="Ask to edit").click()
    await expect(bruno.page.locator("[data-asked]")).to_have_text("Carla was asked.")
    book.end_patience()
    await expect(carla.page.get_by_text("and can take over now")).to_be_visible()
    await expect(bruno.page.locator("[data-asked]")).to_have_text("Carla was asked.")
    await expect(bruno.page.get_by_text("Take over")).to_have_count(2)
    await bruno.page.get_by_text("Take over").first.click()
    await bruno.page.get_by_role("button", name="Take over now").click()
    await expect(bruno.page.get_by_label("Notes")).to_be_visible()
    await expect(carla.page.get_by_text("You have unsaved changes from")).to_be_visible()
    await cancel(bruno)
    await carla.page.get_by_role("link", name="Continue with them").click()
    await carla.page.get_by_role("button", name="Restore").click()
    await expect(carla.page.get_by_label("Notes")).to_have_value("Carla's last words")
    await cancel(carla)
    await edit(ana, book)
    await expect(banner(bruno.page, "Ana")).to_be_visible()
    await expect(bruno.page.locator(".take-over")).to_be_hidden()


async def test_a_reload_keeps_the_lock_and_the_text_though_somebody_waits(
    people: tuple[Person, Person], book: Book
) -> None:
    ana, carla = people
    await edit(ana, book)
    await carla.open(book.edit)
    await ana.page.get_by_label("Notes").fill("Half a sentence")  # and no pause in which it could be kept
    await ana.page.reload()
    await ready(ana.page)
    await expect(ana.page.get_by_label("Notes")).to_have_value("Half a sentence")
    await expect(carla.page.get_by_text("You are next in line.")).to_be_visible()
    await carla.page.reload()
    await ready(carla.page)
    await expect(carla.page.get_by_text("You are next in line.")).to_be_visible()
    await expect(ana.page.get_by_text("Carla is waiting to edit.")).to_be_visible()


async def test_closing_the_tab_frees_the_lock_and_keeps_what_was_typed(
    people: tuple[Person, Person], book: Book
) -> None:
    ana, carla = people
    await edit(ana, book)
    await carla.open(book.address)
    await ana.page.get_by_label("Notes").fill("Typed just before closing")
    await ana.page.close(run_before_unload=False)
    await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible()
    ana.page = await ana.context.new_page()
    await ana.open(book.edit)
    await expect(ana.page.get_by_text("Typed just before closing")).to_be_visible()


async def test_the_same_person_goes_on_in_another_tab(people: tuple[Person, Person], book: Book) -> None:
    ana, _ = people
    await edit(ana, book)
    await type_note(ana.page, "Typed in the first tab")
    second = await ana.context.new_page()
    await second.goto(ana.origin + book.edit)
    await expect(second.get_by_text("You are editing this in another tab or browser.")).to_be_visible()
    await expect(second.get_by_role("button", name="Ask to edit")).to_be_hidden()
    await second.get_by_role("link", name="Continue here").click()
    await expect(second.get_by_label("Notes")).to_have_value("Typed in the first tab")
    await expect(ana.page.get_by_role("link", name="Continue here")).to_be_visible()
    await expect(ana.page.get_by_label("Notes")).to_have_count(0)
    await second.get_by_label("Notes").fill("Saved in the second")
    await second.get_by_role("button", name="Save").click()
    await expect(ana.page.locator("dl.fields")).to_contain_text("Saved in the second")


async def test_readers_are_seen_on_the_record(people: tuple[Person, Person], book: Book) -> None:
    ana, carla = people
    await carla.open(book.address)
    readers = carla.page.get_by_role("group", name="Reading this now")
    await expect(readers).to_have_text("CACarla")
    await ana.open(book.address)
    await expect(readers).to_have_text("ANAnaCACarla")
    await ana.page.get_by_role("link", name="Books").first.click()
    await expect(readers).to_have_text("CACarla")


@pytest.mark.console("net::ERR_CONNECTION_RE")  # of a script that comes when nothing else does
async def test_what_was_typed_survives_a_killed_server_and_the_lock_too(server: Server, person: Any) -> None:
    ana, carla = [await person(server, "acme", f"{name}@acme.test") for name in ("ana", "carla")]
    book = Book(server, 40)
    await edit(ana, book)
    await carla.open(book.edit)
    await type_note(ana.page, "Before the crash.")
    server.stop(signal.SIGKILL)
    await ana.page.get_by_label("Notes").press_sequentially(" While it is down.")
    async with ana.page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
        server.start()
    assert book.draft(1) == "Before the crash. While it is down."
    await ready(carla.page)
    await expect(banner(carla.page, "Ana")).to_be_visible()
    await ana.page.get_by_role("button", name="Save").click()
    await expect(carla.page.locator("dl.fields")).to_contain_text("While it is down.")


async def test_a_tab_that_is_closed_before_its_page_is_there_keeps_the_lock_for_one_lease_at_most(
    server: Server, person: Any
) -> None:
    ana, first, second = await person(server, "acme", "ana@acme.test"), Book(server, 1), Book(server, 2)

    async def ask_for(book: Book) -> None:
        """Ask for the edit page as her browser does for a new tab, which is closed then."""
        cookies = "; ".join(f"{each['name']}={each['value']}" for each in await ana.context.cookies())
        async with server.client("acme") as browser:
            assert (await browser.get(book.edit, headers={"cookie": cookies})).status_code == 200

    await ask_for(first)
    assert first.read_lease() > A_LEASE, "nothing has told of scripts yet"
    await ana.open("/c/books")
    await ask_for(second)
    assert 0 < second.read_lease() < A_LEASE


async def test_a_lost_network_frees_the_lock_with_its_lease_and_keeps_the_text(
    people: tuple[Person, Person], book: Book
) -> None:
    ana, carla = people
    await ana.page.clock.install()
    await edit(ana, book)
    await type_note(ana.page, "Before the cut.")
    await carla.open(book.address)
    await ana.context.set_offline(True)
    await ana.page.get_by_label("Notes").press_sequentially(" After it.")
    await expect(banner(carla.page, "Ana")).to_be_visible()
    book.end_lease()
    await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible()
    # The lease is over: no key is taken any more, and the page says so.
    await ana.page.clock.fast_forward(A_LEASE)
    await expect(ana.page.get_by_text("Typing is paused.")).to_be_visible()
    await ana.page.get_by_label("Notes").press_sequentially("!!!")
    await expect(ana.page.get_by_label("Notes")).to_have_value("Before the cut. After it.")
    await carla.page.get_by_role("link", name="Edit").click()
    await expect(carla.page.get_by_label("Notes")).to_be_visible()
    await ana.context.set_offline(False)
    await expect(ana.page.get_by_text("You are no longer editing this.")).to_be_visible()
    await expect(banner(ana.page, "Carla")).to_be_visible()
    await cancel(carla)
    await ana.page.get_by_role("link", name="Continue with them").click()
    await expect(ana.page.get_by_text("Before the cut. After it.")).to_be_visible()


async def test_of_a_draft_whose_record_is_gone_what_is_chosen_stays_and_one_can_sign_out(
    people: tuple[Person, Person], book: Book
) -> None:
    ana, carla = people
    await type_note(await edit(ana, book), "What Ana had typed")
    await carla.open(book.address)
    await expect(banner(carla.page, "Ana")).to_be_visible()
    await ana.page.get_by_role("link", name="Books").first.click()
    await expect(banner(carla.page, "Ana")).to_have_count(0)
    await edit(carla, book)
    await carla.page.get_by_label("Notes").fill("What Carla typed")
    await carla.page.get_by_role("button", name="Save").click()
    await expect(carla.page.locator("dl.fields")).to_contain_text("What Carla typed")
    page = await edit(ana, book)
    choice = page.locator("#restore input[type=radio]:not(:checked)").first
    await choice.check()

    no_such_page = await page.evaluate("fetch('/c/books/99999').then((answer) => answer.text())")

    async def refuse(route: Route) -> None:
        await route.fulfill(status=404, headers={"content-type": "text/html", "x-page": "1"}, body=no_such_page)

    await page.route(f"**{book.edit}", refuse)
    await page.evaluate("document.dispatchEvent(new CustomEvent('page:refresh'))")
    await expect(page.locator("#stale")).to_contain_text("have access to it")
    await expect(page.locator("#restore")).to_be_visible()
    await expect(page.locator("record-editor .requests")).to_have_count(0)
    await page.get_by_label("Your account").click()
    await page.get_by_role("button", name="Sign out").click()
    await expect(page.get_by_label("Password")).to_be_visible()


async def test_a_tab_that_wakes_from_sleep_checks_its_token_before_it_takes_a_key(
    people: tuple[Person, Person], book: Book
) -> None:
    ana, carla = people
    await ana.page.clock.install()
    page = await edit(ana, book)
    await type_note(page, "Before the nap.")
    await carla.open(book.address)
    await page.clock.pause_at(await page.evaluate("(Date.now() + 1000) / 1000"))  # no timer runs: it sleeps
    book.end_lease()
    await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible()
    await page.clock.set_system_time(await page.evaluate("(Date.now() + 300000) / 1000"))
    # Nobody has had the lock: the first key asks, and is not taken; then the tab goes on.
    async with page.expect_response(lambda answer: answer.url.endswith("/lock/renew") and answer.status == 204):
        await page.get_by_label("Notes").press("X")
    await expect(page.get_by_label("Notes")).to_have_value("Before the nap.")
    await page.get_by_label("Notes").press("Y")
    await expect(page.get_by_label("Notes")).to_have_value(re.compile("Y"))
    await expect(banner(carla.page, "Ana")).to_be_visible()
    # Somebody takes it while it sleeps again: the tab is told at once, and what was typed is a draft.
    book.end_lease()
    await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible()
    await carla.page.get_by_role("link", name="Edit").click()
    await expect(carla.page.get_by_label("Notes")).to_be_visible()
    await expect(page.get_by_text("You are no longer editing this.")).to_be_visible()
    await expect(page.get_by_text("You have unsaved changes from")).to_be_visible()


async def test_who_does_nothing_is_asked_and_then_loses_the_lock_but_not_the_text(
    people: tuple[Person, Person], book: Book
) -> None:
    ana, carla = people
    await ana.page.clock.install()
    await edit(ana, book)
    await carla.open(book.address)
    await type_note(ana.page, "Typed before lunch")
    await expect(ana.page.get_by_text("Are you still there?")).to_be_hidden()
    await ana.page.clock.fast_forward(IDLE)
    await expect(ana.page.get_by_text("Are you still there?")).to_be_visible()
    await ana.page.get_by_role("button", name="Keep editing").click()
    await expect(ana.page.get_by_text("Are you still there?")).to_be_hidden()
    await ana.page.clock.fast_forward(IDLE)
    await expect(ana.page.get_by_text("Are you still there?")).to_be_visible()
    await ana.page.clock.run_for(61_000)
    await expect(ana.page.get_by_text("Editing ended because nothing was typed for a while.")).to_be_visible()
    await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible()
    await expect(ana.page.get_by_text("You have unsaved changes from")).to_be_visible()


async def test_how_long_editing_may_rest_is_a_setting(seeded: Store, tmp_path: Path, person: Any) -> None:
    server = start_server(seeded, tmp_path, EDIT_IDLE_SECONDS="2")
    try:
        ana, carla = [await person(server, "acme", f"{name}@acme.test") for name in ("ana", "carla")]
        book = Book(server, 40)
        await ana.page.clock.install()
        await edit(ana, book)
        await carla.open(book.address)
        await type_note(ana.page, "Typed before lunch")
        await expect(ana.page.get_by_text("Are you still there?")).to_be_visible()  # after two real seconds
        await expect(banner(carla.page, "Ana")).to_be_visible()
        await ana.page.clock.run_for(61_000)
        await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible()
        await expect(ana.page.locator("main > .notice[role=status]")).to_contain_text("nothing was typed for a while")
        await ana.page.wait_for_url("**/c/books/40")  # with all that it loads; what is said is said once
        assert book.draft(1) == "Typed before lunch"
    finally:
        end_server(server)


async def test_signing_out_keeps_what_was_typed_and_frees_the_lock(people: tuple[Person, Person], book: Book) -> None:
    ana, carla = people
    await edit(carla, book)
    await ana.open(book.address)
    await carla.page.get_by_label("Notes").fill("Typed just before signing out")
    await carla.page.get_by_label("Your account").click()
    await carla.page.get_by_role("button", name="Sign out").click()
    await expect(carla.page.get_by_label("Password")).to_be_visible()
    await expect(ana.page.get_by_role("link", name="Edit")).to_be_visible()
    assert book.draft(3) == "Typed just before signing out"


@pytest.mark.parametrize("saved", [True, False], ids=["saved", "still typing"])
async def test_what_was_typed_without_a_network_while_the_same_person_went_on_elsewhere_is_not_lost(
    shared_server: Server, person: Any, book: Book, saved: bool
) -> None:
    laptop, phone = [await person(shared_server, "acme", "davi@acme.test") for _ in range(2)]
    await edit(laptop, book)
    await laptop.context.set_offline(True)
    await laptop.page.get_by_label("Notes").fill("On the train")
    await phone.open(book.edit)
    await phone.page.get_by_role("link", name="Continue here").click()
    await type_note(phone.page, "On the phone")
    if saved:
        await phone.page.get_by_role("button", name="Save").click()
        await expect(phone.page.locator("dl.fields")).to_contain_text("On the phone")
    await laptop.context.set_offline(False)
    if saved:
        await laptop.page.get_by_role("link", name="Continue with them").click()
        await expect(laptop.page.get_by_text("On the train")).to_be_visible()
    else:
        await expect(laptop.page.get_by_text("You have continued this somewhere else.")).to_be_visible()
        await expect(laptop.page.get_by_label("Notes")).to_have_value("On the train")
        assert book.draft(4) == "On the phone"


@pytest.mark.parametrize("hours", [1, -1])
async def test_a_machine_whose_clock_is_set_goes_on(people: tuple[Person, Person], book: Book, hours: int) -> None:
    ana, carla = people
    await ana.page.add_init_script(
        "{ const now = Date.now.bind(Date); window.moved = 0; Date.now = () => now() + window.moved; }"
    )
    await edit(ana, book)
    await carla.open(book.address)
    async with ana.page.expect_response(lambda answer: answer.url.endswith("/lock/renew") and answer.status == 204):
        await ana.page.evaluate(f"moved = {hours * 3_600_000}")
    await type_note(ana.page, "After the clock was set")
    await expect(ana.page.get_by_text("Are you still there?")).to_be_hidden()
    await expect(banner(carla.page, "Ana")).to_be_visible()


async def test_a_refused_save_keeps_the_lock_and_what_was_typed(people: tuple[Person, Person], book: Book) -> None:
    ana, carla = people
    await edit(ana, book)
    await carla.open(book.address)
    await ana.page.get_by_label("Year").fill("soon")
    await ana.page.get_by_role("button", name="Save").click()
    await expect(ana.page.get_by_text("Fix 1 field below.")).to_be_visible()
    await expect(banner(carla.page, "Ana")).to_be_visible()
    await expect(ana.page.get_by_role("alert").filter(has_text="Fix 1 field below.")).to_be_focused()
    for key in ("Tab", "Enter", "Tab"):  # the link to what is wrong leads there
        await ana.page.keyboard.press(key)
    await expect(ana.page.get_by_label("Year")).to_be_focused()
    await ana.page.get_by_label("Year").fill("1900")
    await ana.page.get_by_role("button", name="Save").click()
    await expect(carla.page.locator("dl.fields")).to_contain_text("1900")
    await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible()
