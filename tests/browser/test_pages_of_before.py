"""Pages of 0.1 that are open while its data become those of today: they follow, and what is typed in them is kept."""

from __future__ import annotations

import json
from typing import Any

from alembic import command
from playwright.async_api import Page, expect

from app.migration import configuration
from tests.browser.pages import ready
from tests.conftest import Server
from tests.records.test_values_of_before import BEFORE
from tests.waiting import until

# Its pages named inputs by the keys of fields, and choices by their names.
AS_IN_0_1 = """(keys) => {
  for (const field of document.querySelectorAll("main [name]")) field.name = keys[field.name] ?? field.name;
  for (const option of document.querySelectorAll("main option")) if (option.value) option.value = option.text;
}"""


async def make_as_before(page: Page, keys: dict[str, str]) -> None:
    await page.evaluate(AS_IN_0_1, keys)
    assert await page.locator("main [name=title]").count() == 1


def write_in_0_1(server: Server, number: int, **values: str) -> None:
    """Change a record as its data were then."""
    ((row,),) = server.store.rows(f'SELECT "values" FROM record WHERE tenant_id = 1 AND number = {number}')
    known = json.loads(row) if isinstance(row, str) else row
    assert "title" in known, "they are those of before"
    changed = json.dumps({**known, **values})
    server.store.rows(f'UPDATE record SET "values" = ? WHERE tenant_id = 1 AND number = {number}', changed)


async def test_pages_of_before_are_refreshed_and_what_is_typed_in_them_is_kept(server: Server, person: Any) -> None:
    keys = {f"f{number}": key for number, key in server.store.rows("SELECT id, key FROM field WHERE tenant_id = 1")}
    ana = await person(server, "acme", "ana@acme.test")
    bruno = await person(server, "acme", "bruno@acme.test")
    carla = await person(server, "acme", "carla@acme.test")
    await carla.open("/c/books")
    editing: Page = await ana.open("/c/books/1/edit")
    adding: Page = await bruno.open("/c/books/new")
    for page in (editing, adding):
        await ready(page)
        await make_as_before(page, keys)
    await editing.locator("[name=title]").fill("Typed before")
    await adding.locator("[name=title]").fill("New before")
    draft = "SELECT count(*) FROM draft WHERE CAST(\"values\" AS text) LIKE '% before%'"
    await until(lambda: server.store.rows(draft) == [(2,)])
    server.stop()
    await editing.locator("[name=author]").fill("Typed meanwhile")
    await adding.locator("[name=status]").select_option("Lent")
    command.downgrade(configuration(server.store.url, server.store.owner_url), BEFORE)
    write_in_0_1(server, 40, title="Changed in 0.1")
    server.start()
    await expect(carla.page.get_by_text("Changed in 0.1")).to_be_visible(timeout=30_000)
    for page, title, author in ((editing, "Typed before", "Typed meanwhile"), (adding, "New before", "")):
        await ready(page)
        await expect(page.locator("main .field input").first).to_have_value(title)
        await page.get_by_role("button", name="Save", exact=True).click()
        shown = page.locator("main")
        await expect(shown.get_by_role("heading", name=title)).to_be_visible()
        await expect(shown).to_contain_text(author or "Lent")
