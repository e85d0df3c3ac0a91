"""What a server works out at its first requests, worked out before it is forked: statements are compiled, mappers and
templates made ready. It is most of what short tests in a server of their own take."""

from __future__ import annotations

import asyncio
import contextlib
import os
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
from prometheus_client import REGISTRY
from prometheus_client.metrics import MetricWrapperBase

from app.accounts import hashing
from app.demo import PASSWORD
from app.server.asgi import create_app
from app.settings import read_settings
from tests.databases import KIND, cluster, make_seed

PAGES = (
    "/", "/c/books", "/c/books/1", "/c/books/1/edit", "/c/books/new", "/c/books/bin",
    "/chat", "/chat/general", "/chat/new", "/chat/search?q=book", "/members", "/settings", "/account", "/audit",
    "/notifications", "/notifications/preferences", "/announcements", "/quick-switcher?q=b",
)  # fmt: skip


def warm() -> None:
    """Serve some pages in this process, and keep nothing but what is the same for every server."""
    counted = {id(each): set(getattr(each, "_metrics", ())) for each in list_metrics()}
    with tempfile.TemporaryDirectory() as directory, in_silence():
        asyncio.run(serve_pages(Path(directory)))
        if KIND == "postgresql":
            cluster().end()
    for metric in list_metrics():
        for labels in set(getattr(metric, "_metrics", ())) - counted[id(metric)]:
            metric.remove(*labels)
        for each in (metric, *getattr(metric, "_metrics", {}).values()):
            if each._is_observable():
                each._metric_init()
    hashing.EXECUTOR.shutdown()
    hashing.EXECUTOR = ThreadPoolExecutor(hashing.HASHES_AT_ONCE, thread_name_prefix="hashing")
    others = {each.name for each in threading.enumerate()} - {"MainThread", "beside"}
    assert not others, "a thread is not there in a forked process"


def list_metrics() -> list[MetricWrapperBase]:
    return [each for each in set(REGISTRY._names_to_collectors.values()) if isinstance(each, MetricWrapperBase)]


@contextlib.contextmanager
def in_silence() -> Iterator[None]:
    """What is logged goes nowhere."""
    kept = [os.dup(1), os.dup(2)]
    null = os.open(os.devnull, os.O_WRONLY)
    try:
        for place in (1, 2):
            os.dup2(null, place)
        yield
    finally:
        for place, each in zip((1, 2), kept, strict=True):
            os.dup2(each, place)
        for each in (null, *kept):
            os.close(each)


async def serve_pages(directory: Path) -> None:
    """Make a database, and be asked for pages by somebody who signs in and sends a few forms."""
    store = await make_seed(directory)
    url = "http://hero.localhost"
    gate = create_app(read_settings({"DATA_DIR": str(directory), "BASE_URL": url, **store.environment}))
    headers = {"host": "acme.hero.localhost", "origin": "http://acme.hero.localhost", "sec-fetch-site": "same-origin"}
    async with (
        gate.sites.workspace.lifespan(),  # type: ignore[attr-defined]
        httpx.AsyncClient(transport=httpx.ASGITransport(gate), base_url=url, headers=headers) as client,
    ):
        for _ in range(2):  # from an unknown browser, and from a known one
            answer = await client.post("/login", data={"email": "ana@acme.test", "password": PASSWORD})
            assert answer.status_code == 303, answer.text
            cookies = [cookie.partition(";")[0] for cookie in answer.headers.get_list("set-cookie")]
            client.cookies.clear()
            client.headers["cookie"] = "; ".join(cookies)
        for page in PAGES:
            answer = await client.get(page)
            assert answer.status_code == 200, (page, answer.text)
        for path, typed in (
            ("/chat/general", {"text": "Good morning", "key": "1"}),
            ("/c/books/2/edit", {"title": "Another title", "version": "1"}),
            ("/c/books/new", {"title": "Another"}),
        ):
            answer = await client.post(path, data=typed)
            assert answer.status_code == 303, (path, answer.text)
