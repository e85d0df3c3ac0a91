"""Fields whose options leave values out that are there: records keep these, and admins see how many do."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from itertools import zip_longest

import httpx
import pytest
from msgspec import Struct

from app.records.fields import Field
from app.records.kinds import FIELD_KINDS
from tests.conftest import Server
from tests.fields import make_field
from tests.records.test_definitions import add, change, make_tools
from tests.sent_forms import form_to


@pytest.fixture
def asked_server(shared_server: Server) -> Server:
    return shared_server


class Narrowed(Struct, frozen=True):
    """A field with values, as they are typed, and what its form then sends otherwise; `-` is what it sends no more."""

    kind: str
    values: Sequence[str]
    changed: Mapping[str, str]
    made: Mapping[str, str] = {}


ALL_GONE = {"choice-1-archived": "yes", "choice-2-archived": "yes", "choice-3-removed": "yes", "choices": "New"}
CHOICES = {"choices": "Good\nBroken; or so\nLost"}
NARROWED = [
    Narrowed("text", ["  spaced", 'say "yes"', "#1", ""], {}),
    Narrowed("long_text", ["one\ntwo", "\nbegins below", "<b>&amp;</b>", ""], {}),
    Narrowed("whole_number", ["-999999999999999", "0", "1234567", ""], {"unit": "kg", "grouping": "yes"}),
    Narrowed("decimal", ["1.23456", "-0.0000000001", "1234.5", ""], {"digits": "2", "unit": "m", "grouping": "yes"}),
    Narrowed("decimal", ["1.5", "2", ""], {"digits": "0"}, {"digits": "4"}),
    Narrowed("money", ["-1.50", "1234567.89", ""], {"currency": "JPY"}, {"currency": "BRL"}),
    Narrowed("yes_no", ["yes", ""], {}),
    Narrowed("choice", ["#1", "#2", "#3", ""], ALL_GONE, CHOICES),
    Narrowed("choices", ["#1\n#2\n#3", "#3", ""], ALL_GONE, CHOICES),
    Narrowed("date", ["0001-01-01", "9999-12-31", ""], {}),
    Narrowed("moment", ["2026-02-28T14:05", "0001-01-01 00:00", ""], {}),
    Narrowed("duration", ["-0:05", "100:00", ""], {}),
    Narrowed("email", ["+ana@acme.test", ""], {}),
    Narrowed("phone", ["+55 (11) 98765-4321", ""], {}),
    Narrowed("link", ["https://acme.test/?a=1;b=2,3", ""], {}),
    Narrowed("person", ["#1\n#2", "#2", ""], {"several": "-"}, {"several": "yes"}),
    Narrowed("rating", ["10", "6", "5", "1", ""], {"most": "5"}, {"most": "10"}),
    Narrowed("files", [""], {}),
]


def test_every_kind_that_is_typed_is_among_them() -> None:
    assert {each.kind for each in NARROWED} == {name for name, kind in FIELD_KINDS.items() if not kind.computed}


async def make_narrowed(ana: httpx.AsyncClient, cases: Sequence[Narrowed], rule: str = "") -> tuple[str, list[str]]:
    """A collection with the values in fields that are then narrowed, and get a rule if they can have it: its address,
    and the refs of all its fields."""
    address, *_ = await make_tools(ana, label="Field 0", kind=cases[0].kind, **cases[0].made)
    for at, case in enumerate(cases[1:], 1):
        await ana.post(f"{address}/fields", data={"label": f"Field {at}", "kind": case.kind, **case.made})
    refs = re.findall(rf'href="{address}/fields/(f\d+)#', (await ana.get(f"{address}/fields")).text)
    rows = zip_longest(*(case.values for case in cases), fillvalue="")
    for row in rows:
        await add(ana, address, **dict(zip(refs, ["Before", *row], strict=True)))
    for ref, case in zip(refs[1:], cases, strict=True):
        rules = {rule: "yes"} if rule and (rule != "unique" or FIELD_KINDS[case.kind].can_be_unique) else {}
        await change(ana, address, ref, {**case.changed, **rules})
    return address, refs


def read_stored(server: Server, address: str) -> list[dict[str, str]]:
    """The values of the records of a collection, as they are stored."""
    rows = server.store.rows(
        'SELECT "values" FROM record WHERE collection_id = (SELECT id FROM collection WHERE slug = ?) ORDER BY number',
        address.removeprefix("/c/"),
    )
    return [json.loads(values) if isinstance(values, str) else values for (values,) in rows]


@pytest.mark.parametrize("rule", ["", "required", "unique"])
async def test_who_saves_another_field_changes_no_value_whatever_is_left_out_by_now(
    ana: httpx.AsyncClient, shared_server: Server, rule: str
) -> None:
    address, refs = await make_narrowed(ana, NARROWED, rule)
    before = read_stored(shared_server, address)
    assert {ref for values in before for ref in values} == {*refs[:-1]}, "but for the files, each has values"
    for number in range(1, len(before) + 1):
        form = form_to((await ana.get(f"{address}/{number}/edit")).text, f"{address}/{number}/edit")
        assert form
        saved = await ana.post(f"{address}/{number}/edit", data={**form.values, refs[0]: "After"})
        assert saved.status_code == 303, saved.text
    assert read_stored(shared_server, address) == [{**values, refs[0]: "After"} for values in before]


async def test_stars_that_are_left_out_can_be_kept_and_not_chosen(ana: httpx.AsyncClient) -> None:
    address, refs = await make_narrowed(ana, [Narrowed("rating", ["9", "3"], {"most": "5"}, {"most": "10"})])
    assert "9 ★" in (await ana.get(f"{address}/1/edit")).text
    assert "9 ★" not in (await ana.get(f"{address}/2/edit")).text
    added = await ana.post(f"{address}/new", data={refs[0]: "Another", refs[1]: "9"})
    assert added.status_code == 422, "a new one is judged as a whole"


def can_be_entered(field: Field, value: str) -> bool:
    try:
        return field.read(field.write(value)) == value
    except ValueError:
        return False


async def test_admins_see_how_many_records_have_what_can_not_be_entered_any_more(
    ana: httpx.AsyncClient, shared_server: Server
) -> None:
    cases = [case for case in NARROWED if not FIELD_KINDS[case.kind].has_choices]  # each archived choice says it
    address, refs = await make_narrowed(ana, cases)
    stored = read_stored(shared_server, address)
    said, real = [], []
    for ref, case in zip(refs[1:], cases, strict=True):
        page = (await ana.get(f"{address}/fields/{ref}")).text
        said.append(sum(map(int, re.findall(r"(\d+) records? ha(?:s|ve) (?:a value|values) that no longer fit", page))))
        ((options,),) = shared_server.store.rows("SELECT options FROM field WHERE id = ?", int(ref[1:]))
        field = make_field(case.kind, **(json.loads(options) if isinstance(options, str) else options))
        real.append(sum(not can_be_entered(field, values[ref]) for values in stored if ref in values))
    assert said == real
    assert sum(real) == 6


async def test_what_is_in_the_bin_is_not_counted(ana: httpx.AsyncClient) -> None:
    address, refs = await make_narrowed(ana, [Narrowed("rating", ["9", "9", "5"], {"most": "5"}, {"most": "10"})])
    page = f"{address}/fields/{refs[1]}"
    assert "2 records have values that no longer fit." in (await ana.get(page)).text
    assert (await ana.post(f"{address}/1/delete", data={"version": "1"})).status_code == 303
    assert "1 record has a value that no longer fits." in (await ana.get(page)).text
