"""Changing the kind of a field: what becomes of its values is seen first, nothing is lost, and it can be undone."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from datetime import date, timedelta
from decimal import Decimal
from html import unescape

import httpx
import pytest
from babel import Locale
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from app.accounts.members import Member
from app.database import Database, Transaction, now
from app.features import open_database
from app.jobs.jobs import Job
from app.records import kind_changes
from app.records.collections import get_collection
from app.records.conversions import NUMBER_KINDS, convert, is_kept_whole, list_choice_names
from app.records.fields import Field, list_fields
from app.records.kind_changes import change_kind
from app.records.kinds import FIELD_KINDS
from tests.conftest import Server
from tests.fields import make_field
from tests.programs.conftest import add_token, call_with
from tests.records.conftest import Work
from tests.records.test_definitions import add, form_of, make_tools, open_edit
from tests.records.test_kinds import CHOICES, LOCALES, OPTIONS, VALUES

PRICE = {"label": "Price", "kind": "text"}


@pytest.fixture
async def database(server: Server) -> AsyncIterator[Database]:
    """The server's own."""
    made = open_database(server.store.url)
    yield made
    await made.close()


@pytest.fixture
def work(work: Work, server: Server) -> Work:
    """Do the jobs that wait, also those that were put off."""

    async def run() -> None:
        server.store.rows("UPDATE job SET due_at = ? WHERE name LIKE 'records.%'", now())
        await work()

    return run


async def put_off_jobs(transaction: Transaction) -> None:
    """Let the server do none of what was put there, until the test has it done."""
    await transaction.execute(update(Job).where(Job.name.like("records.%")).values(due_at=now() + timedelta(hours=1)))


@pytest.mark.parametrize(
    ("old", "value", "new", "becomes"),
    [
        ("text", "1,234.50", "decimal", "1234.5"),
        ("text", "abc", "decimal", None),
        ("text", "1.5", "whole_number", None),
        ("text", "yes", "yes_no", "yes"),
        ("text", "No", "yes_no", ""),
        ("text", "maybe", "yes_no", None),
        ("text", "2026-01-31", "date", "2026-01-31"),
        ("text", "good", "choice", "1"),
        ("text", "Good; bad", "choices", "1 2"),
        ("text", "Good; worse", "choices", None),
        ("decimal", "0.0000001", "text", "0.0000001"),
        ("decimal", "1234567", "text", "1234567"),
        ("decimal", "1234", "whole_number", "1234"),
        ("decimal", "3", "rating", "3"),
        ("rating", "4", "decimal", "4"),
        ("date", "2026-01-31", "moment", "2026-01-31T00:00Z"),
        ("moment", "2026-01-31T23:00Z", "date", "2026-01-31"),
        ("date", "2026-01-31", "text", "1/31/2026"),
        ("created_by", "5", "person", "5"),
        ("choice", "2", "choices", "2"),
        ("choices", "2", "choice", "2"),
        ("choices", "1 2", "choice", None),
        ("choices", "1 2", "text", "Good; Bad"),
        ("yes_no", "yes", "text", "Yes"),
        ("yes_no", "", "text", "No"),
        ("yes_no", "", "long_text", "No"),
        ("yes_no", "", "decimal", None),
        ("text", "", "yes_no", ""),
        ("whole_number", "0", "rating", None),
        ("whole_number", "0", "yes_no", ""),
        ("duration", "90", "text", "1:30"),
        ("long_text", "One\nTwo", "text", "One Two"),
        ("link", "https://example.org/", "text", "https://example.org/"),
        ("whole_number", "7", "email", None),
    ],
)
def test_values_become_what_people_would_type(old: str, value: str, new: str, becomes: str | None) -> None:
    choices = ("Good", "Bad")
    before, after = (make_field(name, choices=choices if "choice" in name else ()) for name in (old, new))
    if becomes is None:
        with pytest.raises(ValueError, match=r"\w"):
            convert(value, before, after)
    else:
        assert convert(value, before, after) == becomes


@pytest.mark.parametrize("kind", sorted(VALUES))
@pytest.mark.parametrize("locale", ["en", "pt_BR"])
def test_any_value_becomes_one_that_the_other_kind_knows_or_says_why_not(kind: str, locale: str) -> None:
    @given(VALUES[kind], st.sampled_from(sorted(VALUES)))
    def draw(typed: str, other: str) -> None:
        plain, old, new = (
            make_field(name, locale=each, choices=CHOICES, **OPTIONS.get(name, {}))
            for name, each in ((kind, "en"), (kind, locale), (other, locale))
        )
        try:
            value = plain.read(typed)
        except ValueError:
            return
        try:
            becomes = convert(value, old, new)
        except ValueError as error:
            error.args[0].translate("en")
            return
        assert new.read(new.write(becomes)) == becomes
        new.show(becomes)
        if kind in NUMBER_KINDS and other in NUMBER_KINDS and becomes:
            assert Decimal(becomes) == Decimal(value), "no number becomes another"

    draw()


def something_said(field: Field, value: str) -> str:
    return field.describe(value) if value or field.kind.shows_none else ""


@pytest.mark.parametrize("new_kind", sorted(name for name in VALUES if FIELD_KINDS[name].is_typed))
@pytest.mark.parametrize("old_kind", sorted(VALUES))
def test_what_the_preview_does_not_name_as_lost_is_kept(old_kind: str, new_kind: str) -> None:
    values = {
        "record_number": st.integers(1, 9999).map(str),
        **dict.fromkeys(["created_at", "changed_at"], st.datetimes().map(lambda at: f"{at:%Y-%m-%dT%H:%M}Z".zfill(17))),
        **dict.fromkeys(["created_by", "changed_by"], st.integers(1, 5).map(str)),
    }

    @settings(max_examples=25, deadline=None)
    @given(values.get(old_kind, VALUES[old_kind]), st.sampled_from(["en", "pt_BR"]))
    def draw(typed: str, locale: str) -> None:
        plain, old, new = (
            make_field(name, locale=each, choices=CHOICES, **OPTIONS.get(name, {}))
            for name, each in ((old_kind, "en"), (old_kind, locale), (new_kind, locale))
        )
        try:
            value = typed if old_kind in values else plain.read(typed)
            becomes = convert(value, old, new)
        except ValueError:
            return
        said = something_said(old, value)
        assert bool(something_said(new, becomes)) == bool(said or new.kind.shows_none), "nothing vanishes"
        if old_kind != "text" and said and is_kept_whole(value, becomes, old, new):
            again = old.kind.computed or (old_kind == "person" and "4" in value.split())  # of whom nobody is chosen
            written_alike = new.spell(becomes) == old.spell(value)
            assert again or written_alike or convert(becomes, new, old) == value
        if old.kind.tells_time and new_kind == "date" and not value.endswith("T00:00Z"):
            assert not is_kept_whole(value, becomes, old, new)

    if old_kind != new_kind:
        draw()


@pytest.mark.parametrize("locale", ["en", "pt_BR"])
@pytest.mark.parametrize(
    ("value", "new", "options", "said"),
    [
        ("1590.387", "whole_number", {}, "Enter a whole number, without decimals."),
        ("1590.387", "money", {"currency": "EUR"}, "At most 2 decimals."),
        ("1.387", "rating", {}, "Enter a whole number, without decimals."),
        ("1590", "rating", {}, "Choose from 1 to 5 stars."),
    ],
)
def test_of_a_number_that_is_known_nobody_wonders_what_it_means(
    locale: str, value: str, new: str, options: dict[str, str], said: str
) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        convert(value, make_field("decimal", locale=locale), make_field(new, locale=locale, **options))
    assert caught.value.args[0].translate("en") == said


def test_numbers_are_read_as_the_locale_writes_them() -> None:
    text, number = make_field("text", locale="pt_BR"), make_field("decimal", locale="pt_BR")
    assert convert("1.234,56", text, number) == "1234.56"
    assert convert("1234.567", number, make_field("money", locale="pt_BR", digits=3)) == "1234.567"
    assert convert("1.234", number, text) == "1,234"
    kilos = make_field("decimal", locale="pt_BR", grouping=True, unit="kg")
    assert convert("1234.5", kilos, text) == "1234,5"
    assert list_choice_names(kilos, make_field("choice", locale="pt_BR"), ["1234.5"]) == ["1234,5"]


@pytest.mark.parametrize("kind", sorted(name for name in VALUES if FIELD_KINDS[name].is_typed))
def test_what_becomes_a_text_is_the_same_when_it_becomes_what_it_was(kind: str) -> None:
    choices = [name for name in CHOICES if kind != "choices" or ";" not in name]
    plain, field = (make_field(kind, choices=choices, **OPTIONS.get(kind, {})) for _ in range(2))
    field.zone = "America/Sao_Paulo"

    @given(VALUES[kind], st.sampled_from(["text", "long_text"]), st.sampled_from(LOCALES))
    @example("2018-11-04 02:30" if kind == "moment" else "", "text", "pt_BR")
    def draw(typed: str, between: str, locale: str) -> None:
        field.locale, text = Locale.parse(locale), make_field(between, locale=locale)
        try:
            value = plain.read(typed)
        except ValueError:
            return
        try:
            spelled = convert(value, field, text)
        except ValueError:
            assert len(value) > 500, "only what is too long can't be a text"
            return
        assert (kind, between) == ("long_text", "text") or convert(spelled, text, field) == value

    draw()


@given(st.dates())
@example(date(2018, 11, 4))
@example(date(1900, 1, 1))
def test_a_date_is_the_same_when_it_had_a_time_for_a_while(day: date) -> None:
    without, with_time = make_field("date"), make_field("moment")
    for with_time.zone in ("America/Sao_Paulo", "Asia/Kathmandu", "UTC"):
        try:
            moment = convert(day.isoformat(), without, with_time)
        except ValueError:
            assert day in (date.min, date.max)
            continue
        assert convert(moment, with_time, without) == day.isoformat()


def test_texts_make_choices_up_to_a_hundred() -> None:
    text, choice = make_field("text"), make_field("choice")
    assert list_choice_names(text, choice, ["Good", "good ", "Bad", "#3", "x" * 61]) == ["Good", "Bad"]
    with pytest.raises(ValueError, match="too many"):
        list_choice_names(text, choice, map(str, range(101)))


async def make_prices(ana: httpx.AsyncClient, *prices: str) -> tuple[str, str, str]:
    address, title, price = await make_tools(ana, "Tools", **PRICE)
    for number, text in enumerate(prices, 1):
        await add(ana, address, **{title: f"Tool {number}", price: text})
    return address, title, price


async def change(ana: httpx.AsyncClient, address: str, ref: str, **form: str) -> str:
    """Change type of a field; the ref that it has then."""
    answer = await ana.post(f"{address}/fields/{ref}/kind", data=form)
    assert answer.status_code == 303, answer.text
    return refs_of((await ana.get(f"{address}/fields")).text)[1]


def refs_of(page: str) -> list[str]:
    return re.findall(r'href="/c/tools[^/]*/fields/(f\d+)#', page)


async def records_of(ana: httpx.AsyncClient, address: str, key: str = "price") -> dict[int, object]:
    exported = json.loads((await ana.get(f"{address}/export.json")).text)
    return {
        each["number"]: each["values"].get(key) for each in sorted(exported["records"], key=lambda each: each["number"])
    }


async def test_what_becomes_of_values_is_seen_before(ana: httpx.AsyncClient) -> None:
    address, _, price = await make_prices(ana, "12", "1,200.50", "cheap", "cheap", "")
    page = (await ana.get(f"{address}/fields/{price}/kind")).text
    assert "It is now Text." in page
    assert 'id="preview"' not in page
    page = (await ana.get(f"{address}/fields/{price}/kind?kind=decimal")).text
    assert "2 of 4 values can't become" in page
    assert re.search(r"cheap</td><td><a[^>]*>3</a> and 1 more", page)
    assert "1200.5" in page
    assert refs_of((await ana.get(f"{address}/fields")).text)[1] == price, "nothing is changed yet"
    refused = await ana.get(f"{address}/fields/{price}/kind?kind=money")
    assert "three letters of a currency" in refused.text


async def test_no_is_a_word_when_yes_or_no_becomes_a_text_and_comes_back(ana: httpx.AsyncClient) -> None:
    await ana.post("/settings", data={"name": "Acme", "language": "pt_BR", "session_days": "30"})
    address, _, price = await make_prices(ana, "sim", "Não", "talvez", "")
    page = (await ana.get(f"{address}/fields/{price}/kind?kind=yes_no")).text
    assert "1 de 3 valores" in page
    assert "1 registro não tem valor e passará a mostrar “Não”" in page
    ticked = await change(ana, address, price, kind="yes_no")
    assert list((await records_of(ana, address)).values()) == [True, False, False, False]
    page = (await ana.get(f"{address}/fields/{ticked}/kind?kind=text")).text
    assert re.findall(r'<td class="lines">(\w+)</td>', page) == ["Não", "Não", "Sim", "Sim"]
    assert "em 4 registros" in page
    text = await change(ana, address, ticked, kind="text")
    assert list((await records_of(ana, address)).values()) == ["Sim", "Não", "Não", "Não"]
    choice = await change(ana, address, text, kind="choice")
    assert list((await records_of(ana, address)).values()) == [2, 1, 1, 1]
    await change(ana, address, choice, action="undo")
    assert list((await records_of(ana, address)).values()) == ["Sim", "Não", "Não", "Não"]


async def test_a_time_that_a_date_has_not_is_named(ana: httpx.AsyncClient) -> None:
    address, title, when = await make_tools(ana, "Tools", label="When", kind="moment")
    for number, text in enumerate(("2026-01-31 00:00", "2026-01-31 14:05", "2026-02-01 15:05", ""), 1):
        await add(ana, address, **{title: f"Tool {number}", when: text})
    page = (await ana.get(f"{address}/fields/{when}/kind?kind=date")).text
    assert "Part of 2 values will be lost" in page
    assert page.index("14:05") < page.index("1/31/2026 00:00")


async def test_who_takes_a_tick_out_while_it_becomes_a_text_has_said_no(ana: httpx.AsyncClient, server: Server) -> None:
    address, title, working = await make_tools(ana, "Tools", label="Working", kind="yes_no")
    await add(ana, address, **{title: "Axe", working: "yes"})
    async with server.let_in("acme", "davi@acme.test") as davi:
        form = await open_edit(davi, f"{address}/1")
        asked = f"{title} {working}"
        ref = await change(ana, address, working, kind="text")
        told = await davi.post(f"{address}/1/edit", data={**form, "has-fields": asked, title: "Axe"})
        assert told.status_code == 409
        assert re.search(rf'name="{ref}"[^>]*value="No"', told.text)


async def test_a_changed_kind_has_converted_values_and_the_same_name(ana: httpx.AsyncClient, work: Work) -> None:
    address, title, price = await make_prices(ana, "12", "9", "cheap")
    ref = await change(ana, address, price, kind="decimal")
    assert ref != price
    await work()
    assert re.findall(r"<b>(\w+)</b> <small>(\w+)", (await ana.get(f"{address}/fields")).text) == [
        ("Title", "Text"), ("Price", "Decimal"),
    ]  # fmt: skip
    assert list((await records_of(ana, address)).values()) == ["12", "9", None]
    listed = (await ana.get(f"{address}?sort={ref}")).text
    assert listed.index("Tool 2") < listed.index("Tool 1") < listed.index("Tool 3")
    assert "Tool 3" not in (await ana.get(f"{address}?q=cheap")).text
    form = await open_edit(ana, f"{address}/3")
    refused = await ana.post(f"{address}/3/edit", data={**form, title: "Tool 3", ref: "cheap"})
    assert refused.status_code == 422
    assert "Removed fields" not in (await ana.get(f"{address}/fields")).text


async def test_it_is_undone_exactly_but_for_what_was_changed_since(ana: httpx.AsyncClient, work: Work) -> None:
    address, title, price = await make_prices(ana, "12.0", " 9", "cheap", "7", "free", "$3")
    before = await records_of(ana, address)
    ref = await change(ana, address, price, kind="decimal")
    for number, text in ((2, "10.50"), (3, ""), (4, ""), (5, "1")):
        form = await open_edit(ana, f"{address}/{number}")
        saved = await ana.post(f"{address}/{number}/edit", data={**form, title: f"Tool {number}!", ref: text})
        assert saved.status_code == 303, saved.text
    await add(ana, address, **{title: "Tool 7", ref: "2"})
    assert "Before, it was Text. Changed:" in (await ana.get(f"{address}/fields/{ref}/kind")).text
    back = await change(ana, address, ref, action="undo")
    await work()
    assert await records_of(ana, address) == {
        1: before[1], 2: "10.5", 3: "cheap", 4: None, 5: "1", 6: "$3", 7: "2",
    }  # fmt: skip
    assert (await ana.post(f"{address}/fields/{back}/kind", data={"action": "undo"})).status_code == 422, (
        "nothing before"
    )
    again = await change(ana, address, back, action="redo")
    assert list((await records_of(ana, address)).values())[1] == "10.5"
    assert again not in (ref, back, price)


async def test_each_undo_goes_back_by_one_change_and_redo_forth_again(ana: httpx.AsyncClient, work: Work) -> None:
    address, title, price = await make_prices(ana, "12", "abc")
    ref = await change(ana, address, price, kind="whole_number")
    ref = await change(ana, address, ref, kind="text")
    assert await records_of(ana, address) == {1: "12", 2: None}
    ref = await change(ana, address, ref, action="undo")
    assert await records_of(ana, address) == {1: 12, 2: None}
    page = (await ana.get(f"{address}/fields/{ref}/kind")).text
    assert "Before, it was Text. Changed:" in page
    assert "It was Text, and that was undone:" in page
    ref = await change(ana, address, ref, action="undo")
    assert await records_of(ana, address) == {1: "12", 2: "abc"}
    page = (await ana.get(f"{address}/fields/{ref}/kind")).text
    assert "Before, it was" not in page, "it is what it was first"
    assert "It was Whole number, and that was undone:" in page
    form = await open_edit(ana, f"{address}/2")
    await ana.post(f"{address}/2/edit", data={**form, title: "Tool 2", ref: "xyz"})
    for _ in range(2):
        ref = await change(ana, address, ref, action="redo")
    await work()
    assert await records_of(ana, address) == {1: "12", 2: None}
    assert (await ana.post(f"{address}/fields/{ref}/kind", data={"action": "redo"})).status_code == 422
    for _ in range(2):
        ref = await change(ana, address, ref, action="undo")
    assert await records_of(ana, address) == {1: "12", 2: "xyz"}, "with what was changed there"
    ref = await change(ana, address, ref, kind="decimal")
    assert "that was undone" not in (await ana.get(f"{address}/fields/{ref}/kind")).text
    await change(ana, address, ref, action="undo")
    assert await records_of(ana, address) == {1: "12", 2: "xyz"}


async def test_what_a_field_had_under_an_earlier_kind_stays_in_histories(
    ana: httpx.AsyncClient, server: Server, work: Work
) -> None:
    address, title, price = await make_prices(ana, "12", "abc")
    form = await open_edit(ana, f"{address}/2")
    await ana.post(f"{address}/2/edit", data={**form, title: "Tool two", price: "abc"})
    ref = await change(ana, address, price, kind="whole_number")
    await work()

    async def read_history(number: int) -> str:
        page = (await ana.get(f"{address}/{number}")).text.partition('class="history')[2].partition("</ol>")[0]
        return " ".join(unescape(re.sub(r"<svg.*?</svg>|<[^>]+>", " ", page, flags=re.S)).split())

    said = "The type of “Price” changed from Text to Whole number. "
    history = await read_history(2)
    assert "abc" in history.partition(said)[2].partition("changed Title")[0]
    assert history.index(said) < history.index("changed Title"), "it became nothing, and is told where it did"
    assert said not in await read_history(1), "it is what it was"
    async with call_with(server, "acme", add_token(server, "acme", "ana@acme.test")[1]) as program:
        items = (await program.get("/api/v1/collections/tools/records/2/revisions")).json()["items"]
        assert [each["values"]["price"] for each in items] == [None, None]
        assert [each["former"] for each in items] == [{"price": {"kind": "text", "text": "abc"}}] * 2
    form = await open_edit(ana, f"{address}/2")
    await ana.post(f"{address}/2/edit", data={**form, title: "Tool two", ref: "7"})
    history = await read_history(2)
    assert history.index("changed Price") < history.index(said) < history.index("changed Title")
    back = await change(ana, address, ref, action="undo")
    await work()
    assert "The type of “Price” changed from Whole number" not in await read_history(2), "7 is what it was"
    assert back != price


async def test_what_comes_back_as_the_change_of_a_kind_is_undone_is_told(ana: httpx.AsyncClient, work: Work) -> None:
    address, _, price = await make_prices(ana, "abc")
    ref = await change(ana, address, price, kind="whole_number")
    await change(ana, address, ref, action="undo")
    await work()
    page = (await ana.get(f"{address}/1")).text
    assert page.index("changed from Whole number to Text.") < page.index("changed from Text to Whole number.")


async def test_what_a_field_was_called_before_its_kind_was_changed_leads_to_it(ana: httpx.AsyncClient) -> None:
    address, _, price = await make_prices(ana, "12", "9", "cheap")
    await ana.post(f"{address}/fields", data={"label": "Note", "kind": "text"})
    await ana.post(f"{address}/columns", data={"column": [price], f"place-{price}": "2"})
    form = {"label": "Prices", "version": "1"}
    decimal = await change(ana, address, price, kind="decimal")
    ref = await change(ana, address, decimal, kind="text")
    for old in (price, decimal):
        page = (await ana.get(f"{address}/fields/{old}")).text
        assert f'action="{address}/fields/{ref}"' in page
        assert "It is now Text" in (await ana.get(f"{address}/fields/{old}/kind")).text
        assert f'action="{address}/fields/{ref}"' in (await ana.get(f"{address}/fields/{old}/remove")).text
        listed = (await ana.get(f"{address}?sort={old}")).text
        assert listed.index("Tool 2") < listed.index("Tool 1") < listed.index("Tool 3")
    assert re.findall(r"<th[^>]*>\s*<a[^>]*>(\w+)", (await ana.get(address)).text) == ["Title", "Price"], (
        "as was chosen"
    )
    late = await ana.post(f"{address}/fields/{price}", data=form)
    assert late.status_code == 409
    assert re.search(r"Prices</td>\s*<td[^>]*>Price<", late.text), "both beside each other"
    (version,) = re.findall(r'name="version" value="(\d+)"', late.text)
    saved = await ana.post(f"{address}/fields/{ref}", data={**form, "version": version})
    assert saved.status_code == 303
    assert (await ana.get(f"{address}/fields/f9999")).status_code == 404


async def test_the_history_knows_what_a_field_was(ana: httpx.AsyncClient) -> None:
    address, title, price = await make_prices(ana, "12")
    form = await open_edit(ana, f"{address}/1")
    await ana.post(f"{address}/1/edit", data={**form, title: "Tool 1", price: "twelve"})
    form = await open_edit(ana, f"{address}/1")
    await ana.post(f"{address}/1/edit", data={**form, title: "Tool 1", price: "13"})
    ref = await change(ana, address, price, kind="decimal")
    form = await open_edit(ana, f"{address}/1")
    await ana.post(f"{address}/1/edit", data={**form, title: "Axe", ref: "13"})
    form = await open_edit(ana, f"{address}/1")
    await ana.post(f"{address}/1/edit", data={**form, title: "Axe", ref: "14"})
    history = (await ana.get(f"{address}/1")).text.partition('class="history')[2]
    text = " ".join(re.sub(r"<[^>]+>", " ", history).split())
    assert "twelve" in text
    assert text.count("Price") == 6, "each in what was done, and in what differs"
    reverted = await ana.post(f"{address}/1/revisions/1/restore", data={"version": "5"})
    assert reverted.headers["location"] == f"{address}/1?done=reverted"
    assert await records_of(ana, address) == {1: "12"}


async def test_who_types_while_the_kind_is_changed_keeps_it_and_is_told(ana: httpx.AsyncClient, server: Server) -> None:
    address, title, price = await make_prices(ana, "12")
    async with server.let_in("acme", "davi@acme.test") as davi:
        form = await open_edit(davi, f"{address}/1")
        assert "drafts of Davi" in (await ana.get(f"{address}/fields/{price}/kind?kind=decimal")).text
        ref = await change(ana, address, price, kind="decimal")
        told = await davi.post(f"{address}/1/edit", data={**form, title: "Axe", price: "13 or so"})
        assert told.status_code == 409
        assert "13 or so" in told.text
        assert re.search(rf'name="{ref}"[^>]*value="12"', told.text), "and the field that it is now has its value"


async def test_texts_become_choices(ana: httpx.AsyncClient) -> None:
    address, _, price = await make_prices(ana, "cheap", "dear", "Cheap")
    ref = await change(ana, address, price, kind="choice")
    form = (await ana.get(f"{address}/new")).text
    assert re.findall(r'<option value="#\d">(\w+)</option>', form) == ["cheap", "dear"]
    assert '<span class="tag"' in (await ana.get(f"{address}/3")).text
    back = await change(ana, address, ref, action="undo")
    assert list((await records_of(ana, address)).values()) == ["cheap", "dear", "Cheap"]
    assert back


async def test_a_unique_field_stays_unique_where_its_values_are(ana: httpx.AsyncClient) -> None:
    address, title, price = await make_tools(ana, "Tools", **PRICE, unique="yes")
    for number, text in ((1, "1.50"), (2, "2")):
        await add(ana, address, **{title: f"Tool {number}", price: text})
    ref = await change(ana, address, price, kind="decimal")
    taken = await ana.post(f"{address}/new", data={title: "Other", ref: "1.5"})
    assert "Record 1 already has this value." in taken.text
    back = await change(ana, address, ref, action="undo")
    await add(ana, address, **{title: "Other", back: "1.5"})
    ref = await change(ana, address, back, kind="decimal")
    assert "unique" not in (await ana.get(f"{address}/fields")).text.partition("Price</b>")[2].partition("</a>")[0]


async def test_of_two_who_change_a_field_the_second_looks_again(ana: httpx.AsyncClient) -> None:
    address, _, price = await make_prices(ana, "12")
    page = (await ana.get(f"{address}/fields/{price}/kind?kind=decimal")).text
    (version,) = re.findall(r'name="version" value="(\d+)"', page)
    await ana.post(f"{address}/fields/{price}", data={"label": "Cost"})
    refused = await ana.post(f"{address}/fields/{price}/kind", data={"kind": "decimal", "version": version})
    assert refused.status_code == 409
    assert 'id="preview"' in refused.text


async def test_who_changes_a_field_whose_kind_was_changed_meanwhile_is_told_and_loses_nothing(
    ana: httpx.AsyncClient, server: Server
) -> None:
    address, _, state = await make_tools(ana, "Tools", label="State", kind="choice", choices="Good\nBroken")
    mine = form_of((await ana.get(f"{address}/fields/{state}")).text)
    mine |= {
        "label": "Condition",
        "choice-2-name": "Out of order",
        "default": "#1",
        "choices": "New",
        "help": "How it is",
    }
    async with server.let_in("acme", "bruno@acme.test") as bruno:
        ref = await change(bruno, address, state, kind="text")
    told = await ana.post(f"{address}/fields/{state}", data=mine)
    assert told.status_code == 409
    said = "Someone else has changed the type of this field from Choice to Text. Nothing has been saved yet."
    assert said in told.text
    rows = re.findall(
        r'<tr><th scope="row"[^>]*>(.*?)</th><td class="lines">(.*?)</td><td class="lines">(.*?)</td></tr>',
        told.text,
        re.S,
    )
    assert {label: (yours, saved) for label, yours, saved in rows} == {
        "Name": ("Condition", "State"),
        "Type": ("Choice", "Text"),
        "Choices": ("Good (Green)\nOut of order (Amber)\nNew", "(empty)"),
        "Help text": ("How it is", "(empty)"),
        "Default": ("Good", "(empty)"),
    }
    again = form_of(told.text)
    assert (again["label"], again["help"]) == ("Condition", "How it is")
    assert (await ana.post(f"{address}/fields/{ref}", data={**again, "default": ""})).status_code == 303
    other = await ana.post(f"{address}/fields/{state}/kind", data={"kind": "link", "version": mine["version"]})
    assert other.status_code == 409
    assert "from Choice to Text" in other.text
    assert "Fix 1 field" not in other.text, "no field of this page is wrong"
    assert '<option value="link" selected' in other.text
    back = await change(ana, address, ref, action="undo")
    for form in (mine, {**again, "help": "Text"}):
        told = await ana.post(f"{address}/fields/{ref}", data=form)
        assert told.status_code == 409
        assert "You changed the type of this field somewhere else from Text to Choice." in told.text
    told = await ana.post(f"{address}/fields/{state}", data=mine)
    assert "You changed this field somewhere else" in told.text, "it is of the kind that it was"
    assert back not in (ref, state)


async def test_many_values_are_converted_by_a_job_while_people_go_on(
    ana: httpx.AsyncClient, server: Server, database: Database, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, title, price = await make_prices(ana, "12", "9", "3", "4", "5")
    monkeypatch.setattr(kind_changes, "CONVERTED_AT_ONCE", 2)
    async with database.write(1) as transaction:
        tools = await get_collection(transaction, "tools")
        field = (await list_fields(transaction, tools))[1]
        member = await transaction.get_one(Member, 1)
        assert not await change_kind(transaction, tools, field, member, kind_name="decimal", options={})
        await put_off_jobs(transaction)
    page = (await ana.get(f"{address}/fields")).text
    assert "becoming Decimal" in page
    assert refs_of(page)[1] == price
    form = await open_edit(ana, f"{address}/2")
    saved = await ana.post(f"{address}/2/edit", data={**form, title: "Tool 2", price: "90"})
    assert saved.status_code == 303
    await ana.post(f"{address}/5/delete", data={"version": "1"})
    await add(ana, address, **{title: "Tool 6", price: "6"})
    for refused in ({"action": "remove"}, {"label": "Cost"}):
        assert (await ana.post(f"{address}/fields/{price}", data=refused)).status_code == 422
    await work()
    assert list((await records_of(ana, address)).values()) == ["12", "90", "3", "4", "6"]
    ref = refs_of((await ana.get(f"{address}/fields")).text)[1]
    assert ref != price
    assert server.store.rows("SELECT count(*) FROM record_key WHERE field_id = ?", int(ref[1:]))[0][0] == 5
    assert not server.store.rows("SELECT 1 FROM record_key WHERE field_id = ?", int(price[1:]))
    await ana.post(f"{address}/5/restore", data={"version": "2"})
    assert (await records_of(ana, address))[5] == "5"


async def test_a_change_that_is_under_way_can_be_cancelled(
    ana: httpx.AsyncClient, database: Database, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, _, price = await make_prices(ana, "12", "9")
    monkeypatch.setattr(kind_changes, "CONVERTED_AT_ONCE", 1)
    async with database.write(1) as transaction:
        tools = await get_collection(transaction, "tools")
        field = (await list_fields(transaction, tools))[1]
        member = await transaction.get_one(Member, 1)
        await change_kind(transaction, tools, field, member, kind_name="decimal", options={})
        await put_off_jobs(transaction)
    assert "It is becoming Decimal" in (await ana.get(f"{address}/fields/{price}/kind")).text
    cancelled = await ana.post(f"{address}/fields/{price}/kind", data={"action": "cancel"})
    assert cancelled.status_code == 303
    await work()
    page = (await ana.get(f"{address}/fields")).text
    assert refs_of(page)[1] == price
    assert "becoming" not in page
    assert "Removed fields" not in page


async def test_texts_become_people_at_once_and_people_texts_and_people_again(ana: httpx.AsyncClient) -> None:
    address, title, price = await make_prices(ana, "Bruno", "carla@acme.test", "Nobody at all")
    page = (await ana.get(f"{address}/fields/{price}/kind?kind=person")).text
    assert "1 of 3 values can't become" in unescape(page)
    ref = await change(ana, address, price, kind="person")
    assert list((await records_of(ana, address)).values()) == [2, 3, None]
    assert 'data-person="2"' in (await ana.get(f"{address}/1")).text
    text = await change(ana, address, ref, kind="text")
    form = await open_edit(ana, f"{address}/3")
    await ana.post(f"{address}/3/edit", data={**form, title: "Tool 3", text: "Davi"})
    ref = await change(ana, address, text, action="undo")
    assert list((await records_of(ana, address)).values()) == [2, 3, 4]


async def test_people_are_the_texts_that_they_were_when_that_is_undone(ana: httpx.AsyncClient) -> None:
    address, _, price = await make_prices(ana, "Bruno", "carla@acme.test", "Nobody at all")
    ref = await change(ana, address, price, kind="person")
    await change(ana, address, ref, action="undo")
    assert list((await records_of(ana, address)).values()) == ["Bruno", "carla@acme.test", "Nobody at all"]


async def test_what_was_chosen_for_a_kind_is_kept_on_a_page_that_is_refused(ana: httpx.AsyncClient) -> None:
    address, _, price = await make_prices(ana, "Bruno; Carla")
    await ana.post(f"{address}/fields/{price}", data={"label": "Who"})
    wanted = {"kind": "person", "several": "yes"}
    refused = await ana.post(f"{address}/fields/{price}/kind", data={**wanted, "version": "1"})
    assert refused.status_code == 409
    (form,) = re.findall(r"<form[^>]*>((?:(?!</form>).)*value=\"change\".*?)</form>", refused.text, re.S)
    again = dict(re.findall(r'<input type="hidden" name="([\w-]+)" value="([^"]*)"', form))
    assert again.items() >= wanted.items()
    await change(ana, address, price, **again)
    assert list((await records_of(ana, address, "price")).values()) == [[2, 3]]


async def test_a_field_that_the_program_writes_is_no_kind_to_change_to(ana: httpx.AsyncClient) -> None:
    address, _, price = await make_prices(ana, "12")
    for kind in ("created_at", "record_number", "files", "nonsense"):
        refused = await ana.post(f"{address}/fields/{price}/kind", data={"kind": kind})
        assert refused.status_code == 422, kind


async def test_a_change_that_is_sent_again_is_answered_as_it_was(
    ana: httpx.AsyncClient, server: Server, database: Database, work: Work, monkeypatch: pytest.MonkeyPatch
) -> None:
    address, _, price = await make_prices(ana, "12", "9")
    by_page, by_key = f"{address}/fields/{price}/kind", f"{address}/fields/price/kind"
    for path in (by_page, by_page, by_key):
        assert (await ana.post(path, data={"kind": "decimal"})).headers["location"].endswith("?done=kind")
    assert (await ana.post(by_page, data={"kind": "text"})).status_code == 409, "which is another change"
    ref = refs_of((await ana.get(f"{address}/fields")).text)[1]
    for _ in range(2):
        undone = await ana.post(f"{address}/fields/{ref}/kind", data={"action": "undo"})
        assert undone.headers["location"].endswith("?done=kind-undone")
    assert len(server.store.rows("SELECT 1 FROM audit_entry WHERE what = 'field.kind-changed'")) == 2
    monkeypatch.setattr(kind_changes, "CONVERTED_AT_ONCE", 1)
    async with database.write(1) as transaction:
        tools = await get_collection(transaction, "tools")
        field = (await list_fields(transaction, tools))[1]
        member = await transaction.get_one(Member, 1)
        await change_kind(transaction, tools, field, member, kind_name="decimal", options={})
        await put_off_jobs(transaction)
    again = await ana.post(f"{address}/fields/{field.ref}/kind", data={"kind": "decimal"})
    assert again.headers["location"].endswith("?done=kind-soon")
    assert (await ana.post(f"{address}/fields/{field.ref}/kind", data={"kind": "rating"})).status_code == 422
    await work()
