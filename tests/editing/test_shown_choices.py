"""Forms name choices by their ids; people see their names, also of what can't be chosen any more."""

from __future__ import annotations

import re

import httpx

from tests.fields import STATUS, TITLE

BOOK = "/c/books/40"
TYPED = {TITLE: "Typed", STATUS: "#3", "version": "1"}  # over one that is lent, at another version


def texts_of(page: str) -> str:
    """What a page shows, without its forms' values."""
    return re.sub(r"<[^>]*>", " ", page.partition("<main")[2])


async def test_what_is_saved_and_not_offered_any_more_is_called_by_its_name(ana: httpx.AsyncClient) -> None:
    field = {"label": "Status", "choices": "On the shelf\nOrdered"}
    assert (await ana.post("/c/books/fields/status", data=field)).status_code == 303
    refused = await ana.post(f"{BOOK}/edit", data=TYPED)
    opened = await ana.get(f"{BOOK}/edit")
    assert (refused.status_code, opened.status_code) == (409, 200)
    for page in (refused.text, opened.text):
        assert f'name="{STATUS}" value="#2"' in page
        assert re.search(r"Yours\s+Ordered\s+Now saved\s+Lent", texts_of(page))
        assert not re.search(r"#\d", texts_of(page))


async def test_what_was_typed_over_a_deleted_record_is_called_by_its_name(ana: httpx.AsyncClient) -> None:
    assert (await ana.post(f"{BOOK}/delete", data={"version": "3"})).status_code == 303
    refused = await ana.post(f"{BOOK}/edit", data=TYPED)
    assert refused.status_code == 409
    assert re.search(r"Status\s+Ordered", texts_of(refused.text))


async def test_what_was_typed_into_a_removed_field_is_called_by_its_name(ana: httpx.AsyncClient) -> None:
    assert (await ana.post("/c/books/fields/status", data={"action": "remove"})).status_code == 303
    refused = await ana.post(f"{BOOK}/edit", data={**TYPED, "version": "3"})
    assert refused.status_code == 409
    assert re.search(rf'id="removed-{STATUS}"[^>]*readonly>\s*Ordered</textarea>', refused.text)
