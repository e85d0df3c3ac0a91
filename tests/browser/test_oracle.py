"""Promises 2 and 4 by chance: after any actions of two people, pages with their pushes equal fresh loads."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest

from tests.browser.pages import assert_equals_a_fresh_load, ready
from tests.conftest import Server
from tests.faults.extent import times

VIEWS = (
    "/c/books",
    "/c/books?sort=title",
    "/c/books?q=machado",
    "/c/books?sort=-year&q=a",
    "/c/books/40",
    "/c/books/bin",
    "/",
)
TITLES = ("Ábaco", "abacate", "Zebra", "O Machado", "2666")


def version_of(server: Server, number: int) -> tuple[int, bool]:
    ((version, deleted_at),) = server.store.rows(
        "SELECT version, deleted_at FROM record WHERE tenant_id = 1 AND number = ?", number
    )
    return int(version), deleted_at is not None


async def act(server: Server, client: httpx.AsyncClient, dice: random.Random) -> None:
    """One random action on one of a few books."""
    number = dice.choice([1, 2, 38, 39, 40])
    version, deleted = version_of(server, number)
    book = {"title": dice.choice(TITLES), "author": dice.choice(["Machado de Assis", "", "Á"])}
    book |= {"year": dice.choice(["", "1899", "-3", "2020"]), "status": dice.choice(["", "Lent", "Lost"])}
    action = dice.choice(["add", "change", "change", "delete", "restore", "revert"])
    form = {"version": str(version)}
    if action == "add":
        await client.post("/c/books/new", data=book)
    elif deleted:
        await client.post(f"/c/books/{number}/restore", data=form)
    elif action == "change":
        await client.post(f"/c/books/{number}/edit", data=form | book)
    elif action == "revert":
        await client.post(f"/c/books/{number}/revisions/1/restore", data=form)
    else:
        await client.post(f"/c/books/{number}/delete", data=form)


@pytest.mark.parametrize("seed", range(times(1, 6)))
async def test_pages_with_pushes_applied_equal_fresh_loads(server: Server, person: Any, seed: int) -> None:
    dice = random.Random(seed)
    carla = await person(server, "acme", "carla@acme.test")
    pages = []
    for view in VIEWS:
        page = await carla.context.new_page()
        await page.goto(carla.origin + view)
        await ready(page)
        pages.append(page)
    clients = [await server.sign_in("acme", f"{name}@acme.test") for name in ("ana", "bruno")]
    for _ in range(times(2, 3)):
        for _ in range(9):
            await act(server, dice.choice(clients), dice)
        added = server.run("record", "add", "acme", "books", "title=Last", "--as", "davi@acme.test")
        total = connection_total(server)
        assert added.returncode == 0, added.stderr
        for page in pages:
            # The sidebar's total is pushed last, on a channel that every page follows.
            await page.locator(".side .count", has_text=str(total)).first.wait_for(state="attached")
            await ready(page)
            await assert_equals_a_fresh_load(page)
    for client in clients:
        await client.aclose()


def connection_total(server: Server) -> int:
    ((total,),) = server.store.rows("SELECT total FROM collection WHERE tenant_id = 1 AND slug = 'books'")
    return int(total)
