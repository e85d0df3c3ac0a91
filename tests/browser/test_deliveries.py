"""The page of an app's deliveries shows what was sent again as soon as it was."""

from __future__ import annotations

from contextlib import aclosing
from typing import Any

from playwright.async_api import expect

from app.database import now
from tests.conftest import Server
from tests.gateway.conftest import add_app


async def test_what_is_sent_again_comes_into_the_list(shared_server: Server, person: Any) -> None:
    made = add_app(shared_server)
    shared_server.store.rows(
        "INSERT INTO gateway_app_delivery (tenant_id, app_id, kind, body, sent_at, milliseconds, status, answer, error)"
        " VALUES (1, ?, 'channel_occupied', '{\"events\": []}', ?, 3, 500, 'Not now', '')",
        *(made["id"], now()),
    )
    ana = await person(shared_server, "acme", "ana@acme.test")
    page = await ana.open(f"/settings/apps/{made['id']}/deliveries")
    lines = page.locator(".sessions li")
    await expect(lines).to_have_count(1)
    await lines.locator("summary").click()
    await lines.get_by_role("button", name="again").click()
    await expect(page.locator("page-toast")).to_contain_text("It will appear in the list in a moment.")
    await expect(lines).to_have_count(2)
    await expect(lines.first).to_contain_text("no response")
    await lines.last.locator("summary").click()
    async with aclosing(shared_server.let_in("acme", "bruno@acme.test")) as bruno:
        number = await lines.last.locator("[name=delivery]").input_value()
        await bruno.post(f"/settings/apps/{made['id']}/deliveries/again", data={"delivery": number})
    await expect(lines).to_have_count(3)
    await expect(lines.last.get_by_role("button", name="again")).to_be_visible()  # what was opened stays open
