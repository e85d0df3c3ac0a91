"""Two who change the same field: what one has not touched stays as the other saved it, and of what both have changed
both sides are shown."""

from __future__ import annotations

import re
from collections.abc import Mapping
from html import unescape

import httpx
import pytest

from tests.records.test_definitions import form_of, make_tools
from tests.web.test_seen_forms import BESIDE, fill_in

CHOICES = "Good\nBroken\nLost"


async def save_after(
    ana: httpx.AsyncClient, bruno: httpx.AsyncClient, page: str, hers: Mapping[str, str], his: Mapping[str, str]
) -> httpx.Response:
    """What Bruno is answered, who has opened a form before Ana has saved it."""
    form = form_of((await bruno.get(page)).text)
    saved = await ana.post(page, data=fill_in(form_of((await ana.get(page)).text), dict(hers)))
    assert saved.status_code == 303, saved.text
    return await bruno.post(page, data=fill_in(form, dict(his)))


async def read_choices(client: httpx.AsyncClient, page: str) -> list[str]:
    """The choices of a field: name, colour, and whether it is archived."""
    form = form_of((await client.get(page)).text)
    ids = re.findall(r"choice-(\d+)-name", " ".join(form))
    ids.sort(key=lambda each: int(form[f"choice-{each}-place"]))
    return [
        f"{form[f'choice-{each}-name']} {form[f'choice-{each}-color']}{'!' * (f'choice-{each}-archived' in form)}"
        for each in ids
    ]


# What she saves and what he does, of which nothing is the same, and the choices then.
APART = [
    (
        {"choices": "Stolen"},
        {"label": "Condition", "help": "How"},
        ["Good green", "Broken amber", "Lost blue", "Stolen grey"],
    ),
    ({"choice-2-name": "Dented"}, {"choice-2-color": "red"}, ["Good green", "Dented red", "Lost blue"]),
    ({"choice-1-archived": "yes"}, {"choice-2-name": "Dented"}, ["Good green!", "Dented amber", "Lost blue"]),
    ({"choice-3-place": "0"}, {"choice-3-name": "Gone"}, ["Gone blue", "Good green", "Broken amber"]),
    ({"choice-2-removed": "yes"}, {"choice-1-name": "Fine"}, ["Fine green", "Lost blue"]),
    ({"choice-1-name": "Fine"}, {"choice-2-removed": "yes"}, ["Fine green", "Lost blue"]),
    (
        {"choices": "Stolen"},
        {"choices": "stolen\nSold"},
        ["Good green", "Broken amber", "Lost blue", "Stolen grey", "Sold red"],
    ),
    ({"choice-2-removed": "yes"}, {"choice-2-removed": "yes"}, ["Good green", "Lost blue"]),
]


@pytest.mark.parametrize(("hers", "his", "both"), APART)
async def test_what_was_not_touched_of_a_field_and_its_choices_stays_as_it_was_saved(
    ana: httpx.AsyncClient, bruno: httpx.AsyncClient, hers: Mapping[str, str], his: Mapping[str, str], both: list[str]
) -> None:
    address, _, state = await make_tools(ana, "Tools", label="State", kind="choice", choices=CHOICES)
    page = f"{address}/fields/{state}"
    told = await save_after(ana, bruno, page, hers, his)
    assert told.status_code == 303, told.text
    assert await read_choices(ana, page) == both
    if "label" in his:
        assert his.items() <= form_of((await ana.get(page)).text).items()


# What both have changed: hers, his, how the choice is shown of both, and what is kept of it where he saves again.
GOOD, LOST = "Good (Green)", "Lost (Blue)"
BOTH = [
    ({"choice-2-name": "Dented"}, {"choice-2-name": "Bent"}, "Bent (Amber)", "Dented (Amber)", "Bent amber"),
    ({"choice-2-name": "Dented"}, {"choice-2-removed": "yes"}, "", "Dented (Amber)", ""),
    ({"choice-2-removed": "yes"}, {"choice-2-color": "red"}, "Broken (Red)", "", "Broken grey"),
    ({"choice-2-color": "red"}, {"choice-2-color": "violet"}, "Broken (Violet)", "Broken (Red)", "Broken violet"),
]


@pytest.mark.parametrize(("hers", "his", "yours", "saved", "kept"), BOTH)
async def test_of_a_choice_that_both_have_changed_both_are_shown_and_one_is_chosen(
    ana: httpx.AsyncClient,
    bruno: httpx.AsyncClient,
    hers: Mapping[str, str],
    his: Mapping[str, str],
    yours: str,
    saved: str,
    kept: str,
) -> None:
    address, _, state = await make_tools(ana, "Tools", label="State", kind="choice", choices=CHOICES)
    page = f"{address}/fields/{state}"
    hers = {**hers, "help": "Hers"}
    told = await save_after(ana, bruno, page, hers, {**his, "label": "Condition"})
    assert told.status_code == 409
    assert "Someone else has changed this field. Nothing has been saved yet." in told.text
    shown = [tuple(map(unescape, row)) for row in re.findall(BESIDE, told.text, re.S)]
    said = ["\n".join(each for each in (GOOD, side, LOST) if each) for side in (yours, saved)]
    assert shown == [("Choices", *said)], "and nothing that was not touched"
    again = form_of(told.text)
    assert {**his, "label": "Condition", "help": "Hers"}.items() <= again.items()
    assert (await bruno.post(page, data=again)).status_code == 303
    assert await read_choices(ana, page) == [each for each in ("Good green", kept, "Lost blue") if each]


async def test_ticks_options_and_defaults_of_a_field_stay_as_they_were_saved(
    ana: httpx.AsyncClient, bruno: httpx.AsyncClient
) -> None:
    address, _, size = await make_tools(ana, "Tools", label="Size", kind="whole_number", grouping="yes", required="yes")
    page = f"{address}/fields/{size}"
    told = await save_after(ana, bruno, page, {"grouping": "-", "required": "-", "default": "3"}, {"label": "Length"})
    assert told.status_code == 303
    form = form_of((await ana.get(page)).text)
    assert not {"grouping", "required"} & form.keys()
    assert (form["label"], form["default"]) == ("Length", "3")
    told = await save_after(ana, bruno, page, {"required": "yes"}, {"label": " "})
    assert told.status_code == 422
    assert form_of(told.text)["required"] == "yes", "what is saved by now"
