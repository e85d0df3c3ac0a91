"""A record like another: its form is filled, and nothing is added before it is saved."""

from __future__ import annotations

import html
import re

import httpx
import pytest

from tests.conftest import Server


def filled(page: str) -> dict[str, str]:
    """What the form of a record has, by the refs of its fields."""
    form = page.partition('id="record-form"')[2]
    texts = dict(re.findall(r'<input id="field-(f\d+)"[^>]* value="([^"]*)"', form))
    texts |= dict(re.findall(r'<textarea id="field-(f\d+)"[^>]*>\n?([^<]*)', form))
    for ref, options in re.findall(r'<select id="field-(f\d+)".*?>(.*?)</select>', form, re.DOTALL):
        texts[ref] = "".join(re.findall(r'value="([^"]*)" selected', options))
    return {ref: html.unescape(text) for ref, text in texts.items() if text}


async def test_the_form_has_the_values_of_the_other_without_what_is_unique(
    server: Server, ana: httpx.AsyncClient
) -> None:
    typed = {"f1": "Iracema", "f2": "José de Alencar", "f3": "1865", "f5": "pt", "f6": "#1", "f7": "One\nTwo"}
    made = (await ana.post("/c/books/new", data={**typed, "f4": "978-0-0001"})).headers["location"]
    number = made.rpartition("/")[2]
    assert f'/c/books/new?copy={number}"' in (await ana.get(made)).text
    count = server.store.rows("SELECT count(*) FROM record")
    shown = (await ana.get(f"/c/books/new?copy={number}")).text
    assert "This is a copy of Iracema" in shown
    assert filled(shown) == typed
    assert server.store.rows("SELECT count(*) FROM record") == count, "looking adds nothing"
    added = await ana.post("/c/books/new", data=filled(shown))
    assert added.status_code == 303


async def test_a_choice_that_can_t_be_made_any_more_is_left_out(server: Server, ana: httpx.AsyncClient) -> None:
    await ana.post("/c/books/new", data={"f1": "Iracema", "f6": "#2"})
    archived = "UPDATE field SET choices = replace(CAST(choices AS TEXT), 'false', 'true')"
    server.store.rows(archived + (":: json" if "postgresql" in server.store.url else "") + " WHERE key = 'status'")
    shown = (await ana.get("/c/books/new?copy=43")).text
    assert filled(shown) == {"f1": "Iracema"}
    assert "Some values can't be entered here, and were left out: Status." in html.unescape(shown)


async def test_of_several_choices_those_are_copied_that_can_still_be_made(ana: httpx.AsyncClient) -> None:
    choices = {"label": "Topics", "kind": "choices", "choices": "Rivers\nForests\nCities"}
    assert (await ana.post("/c/books/fields", data=choices)).status_code == 303
    topics = re.findall(r'name="(f\d+)" type="checkbox"', (await ana.get("/c/books/new")).text)[-1]
    made = await ana.post("/c/books/new", data={"f1": "Iracema", "f6": "#1", topics: "Rivers; Forests; Cities"})
    number = made.headers["location"].rpartition("/")[2]
    fewer = {"label": "Topics", "choices": "Rivers\nCities"}
    assert (await ana.post("/c/books/fields/topics", data=fewer)).status_code == 303
    shown = (await ana.get(f"/c/books/new?copy={number}")).text
    assert re.findall(f'name="{topics}" type="checkbox" value="(#\\d+)" checked', shown) == ["#1", "#3"]
    assert "were left out: Topics." in shown


async def test_what_was_typed_and_not_saved_is_shown_instead_until_it_is_discarded(ana: httpx.AsyncClient) -> None:
    await ana.post("/c/books/new/draft", data={"f1": "Half a title", "draft-version": "0"})
    shown = (await ana.get("/c/books/new?copy=23")).text
    assert filled(shown)["f1"] == "Half a title"
    assert "Discard it and duplicate Iracema" in shown
    discarded = await ana.post("/c/books/new/draft/discard", data={"copy": "23"})
    assert discarded.headers["location"].startswith("/c/books/new?copy=23&undo=")
    assert filled((await ana.get(discarded.headers["location"])).text)["f1"] == "Iracema"


@pytest.mark.parametrize("copy", ["0", "x", "999999", "41"])
async def test_of_what_is_not_there_nothing_is_copied(ana: httpx.AsyncClient, copy: str) -> None:
    await ana.post("/c/books/41/delete", data={"version": "1"})
    assert (await ana.get(f"/c/books/new?copy={copy}")).status_code == 404
