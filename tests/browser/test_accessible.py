"""Every page can be used by everybody: names, headings, sizes, contrast, and the way of the Tab key."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from playwright.async_api import CDPSession, Page

from app.database import now
from app.demo import OPERATOR, PASSWORD
from tests.browser.pages import ready
from tests.conftest import Server
from tests.gateway.conftest import add_app
from tests.test_isolation import TARGETS

LOOK = (Path(__file__).parent / "accessibility.js").read_text()
LAYOUT = (Path(__file__).parent / "layout.js").read_text()
# What stands for a parameter in the demo's acme; a page with another one needs a line here.
VALUES = {"slug": "books", "number": "40", "version": "1", "member_id": "3", "announcement_id": "1", "key": "title"}
VALUES |= {"call": "change_field", "webhook_id": "1", "topic": "admins"}
ROOMS = {"slug": "general", "number": "1"}
# No pages, but pictures, files and parts that others take in; and a question about what the demo has none of.
PARTS = (
    "/cards",  # a part of pages
    "/pictures",
    "/files",
    "/record-files",
    *("/c/{slug:str}/export.", "/audit/export."),
    "/c/{slug:str}/exports/",
    "/chat/files",
    "/discussion",
    "/members/invitations/",
    *("/account/tokens/", "/settings/tokens/", "/incoming-addresses/"),
    "/choices/",
    "/help/pictures/",
)
# Notes where the focus is after each Tab. Asked for one by one, the stops would take as long as all the rest.
NOTE_STOPS = """() => {
  const stops = [];
  const numbers = new Map();
  const note = () => {
    const element = document.activeElement;
    if (!element || element === document.body) return null;
    const { top, bottom, width } = element.getBoundingClientRect();
    // A box of several parts shows the ring around all of them.
    const rings = [element, element.parentElement].map((each) => getComputedStyle(each));
    if (!numbers.has(element)) numbers.set(element, numbers.size);
    return {
      step: numbers.get(element),
      start: element.outerHTML.slice(0, 120),
      seen: bottom > 0 && top < innerHeight && width > 0,
      ringed: rings[0].boxShadow !== "none"
        || rings.some(({ outlineStyle, outlineWidth }) => outlineStyle !== "none" && parseFloat(outlineWidth) > 0),
    };
  };
  addEventListener("keyup", ({ key }) => { if (key === "Tab") stops.push(note()); }, true);
  addEventListener("test:stops", () => { document.documentElement.dataset.stops = JSON.stringify(stops.splice(0)); });
}"""
TAKE_STOPS = """() => {
  dispatchEvent(new Event("test:stops"));
  return JSON.parse(document.documentElement.dataset.stops);
}"""
AT_ONCE, MOST_STOPS = 20, 400
# The Tab key is pressed and let go; the browser gets the next before it has answered to the last.
TAB = {"key": "Tab", "code": "Tab", "windowsVirtualKeyCode": 9}
TAB_KEY = ({"type": "rawKeyDown", **TAB}, {"type": "keyUp", **TAB})
# Rules of axe-core that it leaves out unless one asks for them.
MORE_RULES = ("label-content-name-mismatch", "target-size")


def list_pages(**values: str) -> list[str]:
    """The path of every page of a workspace, from the program's own routes."""
    pages = {
        target.fill(VALUES | values | (ROOMS if target.path.startswith("/chat") else {}))
        for target in TARGETS
        if target.method == "GET"
        and not target.path.startswith(PARTS)
        and ("app_id" in values or "{app_id" not in target.path)  # the demo has none
    }
    return sorted(pages)


async def ask_axe(page: Page) -> list[str]:
    """What axe-core finds on a page that was opened with it, each with the element that it means."""
    options = {"resultTypes": ["violations"], "rules": {name: {"enabled": True} for name in MORE_RULES}}
    violations = await page.evaluate("async (options) => (await axe.run(options)).violations", options)
    return [
        f"{violation['id']}: {node['html'][:160]}: {node['failureSummary'].splitlines()[1].strip()}"
        for violation in violations
        for node in violation["nodes"]
    ]


async def follow_tab(page: Page) -> list[str]:
    """What is wrong with the stops of the Tab key: each is seen, has a ring, and leads on to the next."""
    await page.evaluate(NOTE_STOPS)
    keyboard = await page.context.new_cdp_session(page)
    try:
        return await look_at_stops(page, keyboard)
    finally:
        await keyboard.detach()


async def look_at_stops(page: Page, keyboard: CDPSession) -> list[str]:
    """What is wrong with them, as far as the way leads."""
    complaints, last = [], -1
    for _ in range(0, MOST_STOPS, AT_ONCE):
        await asyncio.gather(*(keyboard.send("Input.dispatchKeyEvent", each) for each in TAB_KEY * AT_ONCE))
        stops: Any = await page.evaluate(TAKE_STOPS)
        assert len(stops) == AT_ONCE
        for stop in stops:
            if stop is None:
                return complaints
            if stop["step"] < last:
                return complaints if stop["step"] == 0 else [*complaints, f"the way leads back to {stop['start']}"]
            last = stop["step"]  # the same again within a field of several parts, such as a date
            if not stop["seen"]:
                complaints.append(f"the focus is out of sight: {stop['start']}")
            if not stop["ringed"]:
                complaints.append(f"no ring of the focus: {stop['start']}")
    return [*complaints, "the way has no end"]


def add_app_that_was_told_much(server: Server) -> str:
    """The id of an app, with what its server was told, in long lines, and what it answered."""
    made = add_app(server, name="Vitrine da biblioteca")
    assert server.run("app", "webhook", "acme", made["id"], "https://hooks.invalid/a-long-address").returncode == 0
    channels = [{"name": "channel_occupied", "channel": f"presence-{number * 'room-'}"} for number in range(1, 12)]
    body = json.dumps({"time_ms": 1, "events": channels})
    for status, error in ((200, ""), (500, ""), (None, "no connection")):
        server.store.rows(
            "INSERT INTO gateway_app_delivery"
            " (tenant_id, app_id, kind, body, sent_at, milliseconds, status, answer, error)"
            " VALUES (1, ?, 'channel_occupied, member_added', ?, ?, 3, ?, '<p>Said</p>', ?)",
            *(made["id"], body, now(), status, error),
        )
    return str(made["id"])


@pytest.mark.sqlite
@pytest.mark.parametrize(("scheme", "width", "language"), [("light", 1280, "en"), ("dark", 320, "pt_BR")])
async def test_every_page_of_a_workspace_is_accessible(
    shared_server: Server, person: Any, scheme: str, width: int, language: str
) -> None:
    """The narrow pages are in Portuguese, whose words are the longer ones, and as narrow as 1280 px at 400 %."""
    settings = {"name": "Biblioteca Acme", "session_days": "30"}
    app_id = add_app_that_was_told_much(shared_server)
    async with aclosing(await shared_server.sign_in("acme", "bruno@acme.test")) as bruno:
        await bruno.post("/announcements", data={"title": "Stocktaking", "text": "On Friday", "acknowledge": "yes"})
        await bruno.post("/settings/webhooks", data={"address": "https://hooks.invalid/a-long-address-of-a-receiver"})
        await bruno.post("/settings/webhooks/1/test")
        saved = await bruno.post("/settings", data=settings | {"language": language})
        assert saved.status_code == 303
    async with aclosing(await shared_server.sign_in("acme", "ana@acme.test")) as client:
        record = await client.get(f"/c/books/{VALUES['number']}")
        for follow in set(re.findall(r'action="(/follow/[^"]+)"', record.text)):
            assert (await client.post(follow)).status_code == 303
    ana = await person(
        shared_server, "acme", "ana@acme.test", color_scheme=scheme, viewport={"width": width, "height": 800}
    )
    await ana.page.add_init_script(AXE_SCRIPT)  # brought in anew for each page, it would go through the driver
    complaints: list[str] = []
    for path in list_pages(app_id=app_id):
        answer = await ana.page.goto(ana.origin + path)
        assert answer.status == 200, path
        await ready(ana.page)
        found = await ana.page.evaluate(LAYOUT) + await ana.page.evaluate(LOOK)
        found += await ask_axe(ana.page) + await follow_tab(ana.page)
        complaints += [f"{path}: {complaint}" for complaint in found]
    assert not complaints, "\n".join(complaints)


@pytest.mark.sqlite
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_pages_before_and_beside_a_workspace_are_accessible(
    shared_server: Server, new_context: Callable[..., Any], scheme: str
) -> None:
    context = await new_context(color_scheme=scheme)
    page = await context.new_page()
    await page.add_init_script(AXE_SCRIPT)
    await page.goto(shared_server.url("", "/operator"))
    await page.get_by_label("Email").fill(OPERATOR)
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Sign in").click()
    await page.get_by_role("heading", name="Workspaces").wait_for()
    complaints: list[str] = []
    for slug, path in (
        *(("acme", "/login"), ("acme", "/login?why=suspended"), ("acme", "/forgotten"), ("acme", "/join?token=x")),
        *(("acme", "/nothing"), ("", "/"), ("", "/signup"), ("", "/operator"), ("", "/operator/live")),
        *(("", "/operator/log"), ("", "/operator/workspaces/acme/suspend")),
    ):
        await page.goto(shared_server.url(slug, path))
        found = await page.evaluate(LOOK) + await ask_axe(page) + await follow_tab(page)
        complaints += [f"{slug}{path}: {complaint}" for complaint in found]
    assert not complaints, "\n".join(complaints)
