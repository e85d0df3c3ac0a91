"""A front end of another site in Chromium, with laravel-echo and pusher-js from npm: the options of docs/gateway.md."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any

import httpx
import pytest
from playwright.async_api import Browser, Page

from tests.conftest import Server
from tests.gateway.conftest import HERE, MISSING, add_app, add_token

# What a page of a front end has.
PAGE = """<!doctype html><meta charset="utf-8"><title>Front end</title>
<script src="pusher.js"></script><script type="module" src="front.js"></script>"""
SCRIPT = """
import Echo from "./echo.js";
window.Pusher = Pusher;
window.told = [];
window.connect = (options, token) => {
  window.echo = new Echo({
    broadcaster: "reverb", ...options, forceTLS: false, disableStats: true, enabledTransports: ["ws"],
    auth: { headers: { Authorization: `Bearer ${token}` } },
  });
};
document.documentElement.dataset.ready = "yes";
"""


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def front_end(tmp_path: Path) -> Any:
    """A site of somebody's own, on another host."""
    libraries = HERE / "node_modules"
    assert libraries.is_dir(), MISSING
    site = tmp_path / "site"
    site.mkdir()
    (site / "index.html").write_text(PAGE)
    (site / "front.js").write_text(SCRIPT)
    (site / "pusher.js").write_bytes((libraries / "pusher-js/dist/web/pusher.js").read_bytes())
    (site / "echo.js").write_bytes((libraries / "laravel-echo/dist/echo.js").read_bytes())
    served = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(site)))
    Thread(target=served.serve_forever, daemon=True).start()
    yield f"http://front.localhost:{served.server_port}"
    served.shutdown()
    served.server_close()


@pytest.fixture
async def open_page(browser: Browser, front_end: str) -> AsyncIterator[Any]:
    contexts = []

    async def open_it(options: dict[str, Any], token: str) -> Page:
        context = await browser.new_context()
        contexts.append(context)
        page = await context.new_page()
        await page.goto(front_end)
        await page.locator("html[data-ready=yes]").wait_for(state="attached")
        await page.evaluate("([options, token]) => connect(options, token)", [options, token])
        return page

    yield open_it
    for context in contexts:
        await context.close()


async def test_a_book_by_curl_is_seen_at_once_and_the_second_editor_is_refused_and_the_first_told(
    server: Server, front_end: str, open_page: Any
) -> None:
    app = add_app(server, "acme", "--origin", front_end)
    host = server.host("acme").partition(":")[0]
    options = {"key": app["key"], "wsHost": host, "wsPort": server.port, "wssPort": server.port}
    options["authEndpoint"] = f"{server.url('acme', '/broadcasting/auth')}"
    ana = await open_page(options, add_token(server, "ana@acme.test"))
    bruno = await open_page(options, add_token(server, "bruno@acme.test"))
    books = "tenant.1.collection.books"
    follow = """(name) => new Promise((done) => echo.private(name)
        .listen(".record.created", (event) => told.push(event.number)).subscribed(done).error(done))"""
    await ana.evaluate(follow, books)
    async with server.client("acme", authorization=f"Bearer {app['token']}") as bot:
        made = await bot.post("/api/v1/collections/books/records", json={"values": {"title": "T", "author": "A"}})
        assert made.status_code == 201, made.text
    await ana.wait_for_function("(number) => told.includes(number)", arg=made.json()["number"])
    edit = """() => new Promise((done) => { const channel = echo.join("editing.books.30");
        channel.listen(".lock.requested", ({ name }) => told.push(name));
        channel.here((people) => done(people.map(({ name, editing, lock }) => [name, editing, !!lock])));
        channel.error(({ status }) => done(status)); })"""
    assert await ana.evaluate(edit) == [["Ana", True, True]]
    assert await bruno.evaluate(edit) == 423
    await ana.wait_for_function("() => told.includes('Bruno')")
    refused = """() => new Promise((done) => echo.private("tenant.2").error(({ status }) => done(status)))"""
    assert await bruno.evaluate(refused) == 403
    assert "channel=private-tenant.2" in server.log


async def test_a_page_whose_origin_no_app_names_is_told_so(server: Server, front_end: str, open_page: Any) -> None:
    app = add_app(server, "acme", "--origin", "https://front.example.org")
    host = server.host("acme").partition(":")[0]
    page = await open_page({"key": app["key"], "wsHost": host, "wsPort": server.port}, "")
    found = await page.evaluate(
        """() => new Promise((done) => echo.connector.pusher.connection.bind("error",
            (error) => done(JSON.stringify(error))))"""
    )
    assert "4009" in json.dumps(found)


async def test_the_secret_and_the_tokens_are_in_no_log(server: Server, front_end: str) -> None:
    app = add_app(server, "acme", "--origin", front_end)
    async with httpx.AsyncClient() as client:
        asked = await client.post(
            f"http://127.0.0.1:{server.port}/broadcasting/auth",
            headers={"host": server.host("acme"), "authorization": f"Bearer {app['token']}"},
            data={"socket_id": "1.1", "channel_name": "private-tenant.1"},
        )
    assert asked.status_code == 200
    for secret in (app["secret"], app["token"], asked.json()["auth"]):
        assert secret not in server.log
