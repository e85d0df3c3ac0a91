"""Several forms that go on with one draft of a new record make one record of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import aclosing

import httpx
import pytest

from tests.conftest import Server
from tests.sent_forms import read_form


@pytest.fixture
async def ana(shared_server: Server) -> AsyncIterator[httpx.AsyncClient]:
    """Ana, who has typed nothing yet."""
    shared_server.store.rows("DELETE FROM draft WHERE kind = 'new record'")
    async with aclosing(shared_server.let_in("acme", "ana@acme.test")) as client:
        yield client


async def begin(client: httpx.AsyncClient, **typed: str) -> dict[str, str]:
    """A form that is opened, and what is typed into it then."""
    form = read_form((await client.get("/c/books/new")).text, "/c/books/new")
    if not typed:
        return form
    return await type_on(client, form, **typed)


async def type_on(client: httpx.AsyncClient, form: dict[str, str], **typed: str) -> dict[str, str]:
    """A form as it is when more was typed, and kept as a draft."""
    form = {**form, **typed, "draft-changes": str(int(form["draft-changes"] or 0) + 1)}
    kept = await client.post("/c/books/new/draft", data=form)
    assert kept.status_code == 204, kept.text
    return {**form, "draft-version": kept.headers["x-draft"]}


async def save(client: httpx.AsyncClient, form: dict[str, str]) -> httpx.Response:
    return await client.post("/c/books/new", data=form)


def count(server: Server, word: str) -> int:
    """How many records have a word."""
    rows = server.store.rows("SELECT search FROM record WHERE tenant_id = 1")
    return sum(word in str(search) for (search,) in rows)


async def test_a_draft_that_two_forms_show_is_added_once(shared_server: Server, ana: httpx.AsyncClient) -> None:
    first = await begin(ana, f1="Shared shared1")
    second = await begin(ana)
    assert second["f1"] == "Shared shared1"
    saved = await save(ana, first)
    again = await save(ana, second)
    assert (saved.status_code, again.status_code) == (303, 303)
    assert again.headers["location"] == saved.headers["location"]
    assert count(shared_server, "shared1") == 1
    assert 'value="Shared shared1"' not in (await ana.get("/c/books/new")).text


@pytest.mark.parametrize("by", [0, 1, 2])
async def test_whichever_form_of_a_draft_is_saved_the_others_are_told_and_may_add_another(
    shared_server: Server, ana: httpx.AsyncClient, by: int
) -> None:
    word = f"lineage{by}"
    forms = [await begin(ana, f1=f"{word} a")]
    for more in ("b", "c"):
        forms.append(await type_on(ana, await begin(ana), f1=f"{word} {more}"))
    saved = await save(ana, forms.pop(by))
    for told in forms:
        before = count(shared_server, word)
        refused = await save(ana, told)
        assert refused.status_code == 409
        assert f'href="{saved.headers["location"]}"' in refused.text
        assert told["f1"] in refused.text
        assert count(shared_server, word) == before
        other = await save(ana, read_form(refused.text, "/c/books/new"))
        assert other.status_code == 303
        assert other.headers["location"] != saved.headers["location"]
        assert count(shared_server, word) == before + 1


async def test_forms_that_were_begun_apart_make_a_record_each(shared_server: Server, ana: httpx.AsyncClient) -> None:
    first, second = await begin(ana), await begin(ana)
    first = await type_on(ana, first, f1="Apart apart1")
    second = {**second, "f1": "Apart apart1"}
    assert (await save(ana, first)).headers["location"] != (await save(ana, second)).headers["location"]
    assert count(shared_server, "apart1") == 2


async def test_a_draft_that_came_back_by_undo_is_added_once(shared_server: Server, ana: httpx.AsyncClient) -> None:
    await begin(ana, f1="Back undone1")
    gone = await ana.post("/c/books/new/draft/discard")
    undo = gone.headers["location"].partition("undo=")[2]
    assert (await ana.post(f"/undo/{undo}")).status_code == 303
    first, second = await begin(ana), await begin(ana)
    assert first["f1"] == "Back undone1"
    assert (await save(ana, first)).headers["location"] == (await save(ana, second)).headers["location"]
    assert count(shared_server, "undone1") == 1
