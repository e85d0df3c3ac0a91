"""Promise 3, as two people see it side by side: who edits, who waits, and that nothing typed is lost."""

from __future__ import annotations

import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect

from tests.browser.pages import assert_equals_a_fresh_load, ready
from tests.conftest import Person, Server, end_server, start_server
from tests.databases import Store

BOOK = "/c/books/40"
EDIT = BOOK + "/edit"
# A lease of 30 s ends, and the watch tells, well within this.
SOON = 45_000


async def edit(person: Person) -> Page:
    """Open the edit page, and wait until its lock is confirmed."""
    async with person.page.expect_response(lambda answer: answer.url.endswith("/lock/renew") and answer.status == 204):
        await person.open(EDIT)
    return person.page


async def type_note(page: Page, text: str) -> None:
    """Type into the notes, and wait until the server has the draft."""
    async with page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
        await page.get_by_label("Notes").fill(text)


def banner(page: Page, name: str) -> Any:
    return page.get_by_role("status").filter(has_text=f"{name} is editing")


@pytest.fixture
async def people(server: Server, person: Any) -> tuple[Person, Person]:
    """Ana, who owns the workspace, and Carla, a member."""
    return await person(server, "acme", "ana@acme.test"), await person(server, "acme", "carla@acme.test")


async def test_everybody_sees_who_edits_and_when_it_is_free_again(
    server: Server, person: Any, people: tuple[Person, Person]
) -> None:
    ana, carla = people
    davi = await person(server, "acme", "davi@acme.test")
    await carla.open(BOOK)
    await davi.open("/c/books?sort=-number")
    await edit(ana)
    await expect(banner(carla.page, "Ana")).to_be_visible()
    await expect(carla.page.get_by_role("link", name="Edit")).to_have_count(0)
    await expect(carla.page.get_by_role("button", name="Ask to edit")).to_be_visible()
    await expect(carla.page.get_by_role("button", name="Delete")).to_be_hidden()
    row = davi.page.get_by_role("row").filter(has_text="Dom Casmurro")
    await expect(row.locator(".mark")).to_have_text(re.compile("Being edited by\\s+Ana"))
    await expect(davi.page.get_by_role("region", name="Being edited")).to_contain_text("Dom Casmurro")
    await assert_equals_a_fresh_load(carla.page)
    await assert_equals_a_fresh_load(davi.page)
    await ana.page.get_by_role("button", name="Cancel").click()
    await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible()
    await expect(banner(carla.page, "Ana")).to_have_count(0)
    await expect(row.locator(".mark")).to_have_count(0)
    await expect(davi.page.get_by_role("region", name="Being edited")).to_be_hidden()
    await assert_equals_a_fresh_load(carla.page)
    await assert_equals_a_fresh_load(davi.page)
    assert [*ana.problems, *carla.problems, *davi.problems] == []


async def test_the_second_person_reads_asks_and_is_let_in(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await edit(ana)
    await carla.open(EDIT)
    await expect(banner(carla.page, "Ana")).to_be_visible()
    await expect(carla.page.get_by_role("textbox", name="Notes")).to_have_count(0)
    await expect(carla.page.get_by_text("You are next in line.")).to_be_visible()
    await ana.page.get_by_label("Notes").focus()
    await expect(ana.page.get_by_text("Carla is waiting to edit.")).to_be_visible()
    await carla.page.get_by_role("button", name="Ask to edit").click()
    await expect(ana.page.get_by_text("Carla asks to edit", exact=True)).to_be_visible()
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
    await carla.page.get_by_role("link", name="Edit now").click()
    await carla.page.get_by_label("Year").fill("1901")
    await carla.page.get_by_role("button", name="Save").click()
    await expect(ana.page.locator("dl.fields")).to_contain_text("1901")
    await ana.page.get_by_role("link", name="Go on with them").click()
    await expect(ana.page.get_by_text("You have unsaved changes from")).to_be_visible()
    await expect(ana.page.get_by_text("now saved").first).to_be_visible()
    assert [*ana.problems, *carla.problems] == []


async def test_who_is_next_in_line_is_called_and_then_the_one_after(
    server: Server, person: Any, people: tuple[Person, Person]
) -> None:
    ana, carla = people
    davi = await person(server, "acme", "davi@acme.test")
    await edit(ana)
    await carla.open(EDIT)
    await davi.open(EDIT)
    await expect(davi.page.get_by_text("You are number 2 in line.")).to_be_visible()
    await ana.page.get_by_role("button", name="Save").click()
    await expect(carla.page.get_by_text("It is your turn.", exact=True)).to_be_visible()
    await expect(davi.page.get_by_text("It is Carla's turn to edit")).to_be_visible()
    await expect(davi.page.get_by_text("It is your turn.", exact=True)).to_be_visible(timeout=SOON)
    await expect(carla.page.get_by_text("it has passed")).to_be_visible()
    await davi.page.get_by_role("link", name="Edit now").click()
    await expect(davi.page.get_by_label("Notes")).to_be_visible()
    await expect(banner(carla.page, "Davi")).to_be_visible()


async def test_who_leaves_the_line_is_not_called(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await edit(ana)
    await carla.open(EDIT)
    await expect(ana.page.get_by_text("Carla is waiting to edit.")).to_be_visible()
    await carla.page.get_by_role("link", name="Books").first.click()
    await expect(ana.page.get_by_text("Carla is waiting to edit.")).to_have_count(0)


async def test_an_unanswered_request_lets_the_asker_take_over(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await edit(ana)
    await type_note(ana.page, "What Ana had typed")
    await carla.open(BOOK)
    await carla.page.get_by_role("button", name="Ask to edit").click()
    await expect(carla.page.get_by_role("button", name="Take over")).to_be_visible(timeout=SOON)
    await carla.page.get_by_role("button", name="Take over").click()
    await expect(carla.page.get_by_label("Notes")).to_be_visible()
    await expect(ana.page.get_by_text("You are not editing this any more.")).to_be_visible()
    await expect(ana.page.get_by_text("You have unsaved changes from")).to_be_visible()


async def test_an_admin_takes_over_with_a_confirmation_but_not_from_the_owner(
    server: Server, person: Any, people: tuple[Person, Person]
) -> None:
    ana, carla = people
    bruno = await person(server, "acme", "bruno@acme.test")
    await edit(carla)
    await carla.page.get_by_label("Notes").fill("Carla's last words")
    await bruno.open(BOOK)
    await bruno.page.get_by_text("Take over").first.click()
    await bruno.page.get_by_role("button", name="Take over now").click()
    await expect(bruno.page.get_by_label("Notes")).to_be_visible()
    await expect(carla.page.get_by_text("You have unsaved changes from")).to_be_visible()
    await bruno.page.get_by_role("button", name="Cancel").click()
    await carla.page.get_by_role("link", name="Go on with them").click()
    await carla.page.get_by_role("button", name="Restore").click()
    await expect(carla.page.get_by_label("Notes")).to_have_value("Carla's last words")
    await carla.page.get_by_role("button", name="Cancel").click()
    await edit(ana)
    await expect(banner(bruno.page, "Ana")).to_be_visible()
    await expect(bruno.page.locator(".take-over")).to_be_hidden()


async def test_a_reload_keeps_the_lock_and_the_text_though_somebody_waits(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await edit(ana)
    await carla.open(EDIT)
    await type_note(ana.page, "Half a sentence")
    await ana.page.reload()
    await ready(ana.page)
    await expect(ana.page.get_by_label("Notes")).to_have_value("Half a sentence")
    await expect(carla.page.get_by_text("You are next in line.")).to_be_visible()
    await carla.page.reload()
    await ready(carla.page)
    await expect(carla.page.get_by_text("You are next in line.")).to_be_visible()
    await expect(ana.page.get_by_text("Carla is waiting to edit.")).to_be_visible()


async def test_closing_the_tab_frees_the_lock_and_keeps_what_was_typed(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await edit(ana)
    await carla.open(BOOK)
    await ana.page.get_by_label("Notes").fill("Typed just before closing")
    await ana.page.close(run_before_unload=False)
    await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible()
    ana.page = await ana.context.new_page()
    await ana.open(EDIT)
    await expect(ana.page.get_by_text("Typed just before closing")).to_be_visible()


async def test_the_same_person_goes_on_in_another_tab(people: tuple[Person, Person]) -> None:
    ana, _ = people
    await edit(ana)
    await type_note(ana.page, "Typed in the first tab")
    second = await ana.context.new_page()
    await second.goto(ana.origin + EDIT)
    await expect(second.get_by_text("You are editing this in another tab.")).to_be_visible()
    await expect(second.get_by_role("button", name="Ask to edit")).to_be_hidden()
    await second.get_by_role("link", name="Continue here").click()
    await expect(second.get_by_label("Notes")).to_have_value("Typed in the first tab")
    await expect(ana.page.get_by_role("link", name="Continue here")).to_be_visible()
    await expect(ana.page.get_by_label("Notes")).to_have_count(0)
    await second.get_by_label("Notes").fill("Saved in the second")
    await second.get_by_role("button", name="Save").click()
    await expect(ana.page.locator("dl.fields")).to_contain_text("Saved in the second")


async def test_readers_are_seen_on_the_record(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await carla.open(BOOK)
    readers = carla.page.get_by_role("group", name="Reading this now")
    await expect(readers).to_have_text("CACarla")
    await ana.open(BOOK)
    await expect(readers).to_have_text("ANAnaCACarla")
    await ana.page.get_by_role("link", name="Books").first.click()
    await expect(readers).to_have_text("CACarla")


async def test_what_was_typed_survives_a_killed_server_and_the_lock_too(
    server: Server, people: tuple[Person, Person]
) -> None:
    ana, carla = people
    await edit(ana)
    await carla.open(EDIT)
    await type_note(ana.page, "Before the crash.")
    server.stop(signal.SIGKILL)
    await ana.page.get_by_label("Notes").press_sequentially(" While it is down.")
    async with ana.page.expect_response(lambda answer: answer.url.endswith("/draft") and answer.status == 204):
        server.start()
    ((draft,),) = server.store.rows("SELECT \"values\" ->> 'notes' FROM draft WHERE member_id = 1")
    assert draft == "Before the crash. While it is down."
    await ready(carla.page)
    await expect(banner(carla.page, "Ana")).to_be_visible()
    await ana.page.get_by_role("button", name="Save").click()
    await expect(carla.page.locator("dl.fields")).to_contain_text("While it is down.")


async def test_a_lost_network_frees_the_lock_within_45_seconds_and_keeps_the_text(
    people: tuple[Person, Person],
) -> None:
    ana, carla = people
    await edit(ana)
    await type_note(ana.page, "Before the cut.")
    await carla.open(BOOK)
    await ana.context.set_offline(True)
    await ana.page.get_by_label("Notes").press_sequentially(" After it.")
    await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible(timeout=SOON)
    # The lease is over: no key is taken any more, and the page says so.
    await expect(ana.page.get_by_text("Typing is paused.")).to_be_visible(timeout=SOON)
    await ana.page.get_by_label("Notes").press_sequentially("!!!")
    await expect(ana.page.get_by_label("Notes")).to_have_value("Before the cut. After it.")
    await carla.page.get_by_role("link", name="Edit").click()
    await expect(carla.page.get_by_label("Notes")).to_be_visible()
    await ana.context.set_offline(False)
    await expect(ana.page.get_by_text("You are not editing this any more.")).to_be_visible(timeout=SOON)
    await expect(banner(ana.page, "Carla")).to_be_visible()
    await carla.page.get_by_role("button", name="Cancel").click()
    await ana.page.get_by_role("link", name="Go on with them").click()
    await expect(ana.page.get_by_text("Before the cut. After it.")).to_be_visible()


async def test_a_tab_that_wakes_from_sleep_checks_its_token_before_it_takes_a_key(
    people: tuple[Person, Person],
) -> None:
    ana, carla = people
    await ana.page.clock.install()
    page = await edit(ana)
    await type_note(page, "Before the nap.")
    await carla.open(BOOK)
    await page.clock.pause_at(await page.evaluate("(Date.now() + 1) / 1000"))  # no timer runs: it sleeps
    await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible(timeout=SOON)
    await page.clock.set_system_time(await page.evaluate("(Date.now() + 300000) / 1000"))
    # Nobody has had the lock: the first key asks, and is not taken; then the tab goes on.
    async with page.expect_response(lambda answer: answer.url.endswith("/lock/renew") and answer.status == 204):
        await page.get_by_label("Notes").press("X")
    await expect(page.get_by_label("Notes")).to_have_value("Before the nap.")
    await page.get_by_label("Notes").press("Y")
    await expect(page.get_by_label("Notes")).to_have_value(re.compile("Y"))
    await expect(banner(carla.page, "Ana")).to_be_visible()
    # Somebody takes it while it sleeps again: the tab is told at once, and what was typed is a draft.
    await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible(timeout=SOON)
    await carla.page.get_by_role("link", name="Edit").click()
    await expect(carla.page.get_by_label("Notes")).to_be_visible()
    await expect(page.get_by_text("You are not editing this any more.")).to_be_visible()
    await expect(page.get_by_text("You have unsaved changes from")).to_be_visible()


@pytest.fixture
def impatient(seeded: Store, tmp_path: Path) -> Iterator[Server]:
    """A server on which editing is idle after a second."""
    made = start_server(seeded, tmp_path, EDIT_IDLE_SECONDS="1")
    yield made
    end_server(made)


async def test_who_does_nothing_is_asked_and_then_loses_the_lock_but_not_the_text(
    impatient: Server, person: Any
) -> None:
    ana = await person(impatient, "acme", "ana@acme.test")
    carla = await person(impatient, "acme", "carla@acme.test")
    await ana.page.clock.install()
    await edit(ana)
    await carla.open(BOOK)
    await type_note(ana.page, "Typed before lunch")
    await expect(ana.page.get_by_text("Are you still there?")).to_be_visible()
    await ana.page.get_by_role("button", name="Keep editing").click()
    await expect(ana.page.get_by_text("Are you still there?")).to_be_hidden()
    await expect(ana.page.get_by_text("Are you still there?")).to_be_visible()
    await ana.page.clock.run_for(61_000)
    await expect(ana.page.get_by_text("Editing ended, as nothing was typed for a while.")).to_be_visible()
    await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible()
    await expect(ana.page.get_by_text("You have unsaved changes from")).to_be_visible()


async def test_a_refused_save_keeps_the_lock_and_what_was_typed(people: tuple[Person, Person]) -> None:
    ana, carla = people
    await edit(ana)
    await carla.open(BOOK)
    await ana.page.get_by_label("Year").fill("soon")
    await ana.page.get_by_role("button", name="Save").click()
    await expect(ana.page.get_by_text("One thing needs mending below.")).to_be_visible()
    await expect(banner(carla.page, "Ana")).to_be_visible()
    await ana.page.get_by_label("Year").fill("1900")
    await ana.page.get_by_role("button", name="Save").click()
    await expect(carla.page.locator("dl.fields")).to_contain_text("1900")
    await expect(carla.page.get_by_role("link", name="Edit")).to_be_visible()
