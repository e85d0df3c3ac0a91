"""What was exported as JSON is read again: here it is the same, elsewhere as much the same as it can be."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, aclosing
from typing import Any

import httpx
import pytest
from babel import Locale
from hypothesis import given

from app.database import Tenant
from app.records.collections import Collection
from app.records.export_json import export_json
from app.records.exports import describe_origin
from app.records.fields import Fields
from app.records.import_json import JsonSource
from app.records.json_files import is_json, read_json_file
from app.records.kinds import FIELD_KINDS
from app.records.kinds.known_people import People
from app.web.forms import Invalid
from app.web.texts import LANGUAGES
from tests.conftest import Server
from tests.fields import PEOPLE
from tests.records.test_export_formats import ACME, FIELDS, ROWS, THINGS, collect, make_export, make_fields

OTHER = Collection(id=9, name="Others", slug="others", created_at=THINGS.created_at)
GLOBEX = Tenant(id=ACME.id, slug="globex", name="Globex", language="en", created_at=THINGS.created_at)
# The same people, who have other ids there.
THERE = People((row[0] + 100, *row[1:]) for row in PEOPLE.rows.values())
MANY_NAMES = "".join(f'"{number}": 1, ' for number in range(100_000))
HEAP = "e" + "\u0301\u0323" * 40_000


def open_again(content: bytes, fields: Fields, tenant: Tenant = ACME, collection: Collection = THINGS) -> JsonSource:
    text = content.decode()
    assert is_json(text)
    return JsonSource(fields, read_json_file(text, 100), describe_origin(tenant, collection))


def values_of(source: JsonSource, before: Mapping[str, str] | None = None) -> list[dict[str, str]]:
    assert [line.errors for line in source.lines if line.errors] == []
    found = [
        {field.key: read((before or {}).get(field.ref, "")) for field, read in source.cells(line)}
        for line in source.lines
    ]
    return [{key: value for key, value in values.items() if value} for values in found]


def by_keys(rows: list[dict[str, str]]) -> list[dict[str, str]]:
    keys = {field.ref: field.key for field in FIELDS}
    return [{keys[ref]: value for ref, value in values.items()} for values in rows]


@pytest.mark.parametrize("language", LANGUAGES)
@given(rows=ROWS)
def test_what_was_exported_is_the_same_when_it_is_read_again(language: str, rows: list[dict[str, str]]) -> None:
    content = collect(export_json, make_export(language), rows)
    source = open_again(content, Fields(FIELDS))
    assert source.is_same
    assert [line.number for line in source.lines] == [str(number) for number in range(1, len(rows) + 1)]
    assert values_of(source) == by_keys(rows)
    for line, values in zip(source.lines, rows, strict=True):
        for field, read in source.cells(line):
            assert read(values.get(field.ref, "")) == values.get(field.ref, "")


@pytest.mark.parametrize("language", LANGUAGES)
@given(rows=ROWS)
def test_in_another_workspace_choices_are_known_by_name_and_people_by_address(
    language: str, rows: list[dict[str, str]]
) -> None:
    content = collect(export_json, make_export("en"), rows)
    fields = make_fields(*FIELD_KINDS)
    for field in fields:
        field.id += 1000
        field.people, field.locale, field.language = THERE, Locale.parse(language), language
        field.choices = [{**choice, "id": choice["id"] + 50} for choice in reversed(field.choices)]
    source = open_again(content, Fields(fields), GLOBEX, OTHER)
    assert not source.is_same
    assert all(line.number == "" for line in source.lines)
    wanted = by_keys(rows)
    for values in wanted:
        for kind, more in (("choice", 50), ("choices", 50), ("person", 100)):
            if kind in values:
                values[kind] = " ".join(str(int(each) + more) for each in values[kind].split())
    assert values_of(source) == wanted


def test_a_field_is_the_same_whatever_its_key_has_become_and_elsewhere_what_is_called_so() -> None:
    fields = make_fields("text", "whole_number", labels="My {}")
    content = collect(export_json, make_export(fields=fields), [{"f1": "one", "f2": "2"}])
    fields[0].key, fields[1].key = "whole_number", "text"
    assert values_of(open_again(content, Fields(fields))) == [{"whole_number": "one", "text": "2"}]
    fields = make_fields("whole_number", "text", labels="My {}")
    fields[0].key = "how_many"
    assert values_of(open_again(content, Fields(fields), GLOBEX)) == [{"text": "one", "how_many": "2"}]


def test_what_no_field_is_called_by_is_left_out_and_said() -> None:
    content = collect(export_json, make_export(), [{"f1": "one"}])
    source = open_again(content, Fields(make_fields("text")), GLOBEX)
    left = {name for name, _ in source.left_out}
    assert {"money; or, else", "date; or, else"} <= left
    assert "text; or, else" not in left
    here = {name for name, _ in open_again(content, Fields(FIELDS)).left_out}
    assert here == {field.label for field in FIELDS if not field.kind.is_typed}


@pytest.mark.parametrize(("count", "said"), [(25, 25), (199, 199), (300, 201)])
def test_of_what_is_left_out_nothing_is_left_unsaid(count: int, said: int) -> None:
    records = [{"number": 1, "values": {"text": "one", **{f"other {at}": "x" for at in range(count)}}}]
    source = open_again(json.dumps({"records": records}).encode(), Fields(make_fields("text")))
    left = [name for name, _ in source.left_out]
    assert len(left) == said
    assert ("…" in left) is (count > 200), "of more than there can be, that there are others"


def test_records_of_elsewhere_are_added_the_oldest_first() -> None:
    records = [{"number": number, "values": {"text": f"{number}"}} for number in (3, 1, 2)]
    source = open_again(json.dumps({"records": records}).encode(), Fields(make_fields("text")))
    assert [values["text"] for values in values_of(source)] == ["1", "2", "3"]


def test_a_number_that_no_field_holds_is_said_as_it_stands_in_the_file() -> None:
    exported = json.loads(collect(export_json, make_export(), [{"f1": "one"}]))
    exported["records"][0] |= {"number": 10**30, "values": {"text": 10**31}}
    (line,) = open_again(json.dumps(exported).encode(), Fields(FIELDS)).lines
    assert line.place.translate("en") == f"Item 1, number {10**30}"
    assert line.number == str(10**30)
    assert list(line.cells) == [str(10**31)]


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_text_of_a_number_means_the_same_in_every_language(language: str) -> None:
    kinds = ("whole_number", "decimal", "rating")
    records = [{"values": dict.fromkeys(kinds, text)} for text in ("1.234", "3", "1,5")]
    fields = make_fields(*kinds)
    for field in fields:
        field.locale, field.language = Locale.parse(language), language
    read = []
    for line in open_again(json.dumps({"records": records}).encode(), Fields(fields), GLOBEX).lines:
        for _, cell in open_again(json.dumps({"records": records}).encode(), Fields(fields), GLOBEX).cells(line):
            try:
                read.append(cell(""))
            except ValueError:
                read.append("refused")
    assert read == ["refused", "1.234", "refused", "3", "3", "3", "refused", "refused", "refused"]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"records": [{"values": {}}, ', "line 1, character 30"),
        ('{"records": [\n{"values": {"a": 1,}}]}', "line 2"),
        ('{"records": [{"values": {}}]} and more', "character 31"),
        ('{"records": [{"values": {"text": NaN}}]}', "NaN is not a number"),
        ('{"records": [{"values": {"text": -Infinity}}]}', "-Infinity is not a number"),
        ('{"records": [{"values": {"text": 1, "text": 2}}]}', "“text” appears twice"),
        ('{"records": [], "records": []}', "“records” appears twice"),
        ('{"records": []}', "This JSON has no"),
        ('{"books": 1}', "This JSON has no"),
        ('{"records": 7}', "This JSON has no"),
        ('{"records": [' + "[" * 100_000, "nested too deeply"),
        ('{"a": ' + '{"a":' * 100_000, "nested too deeply"),
        ('{"a": ' + "[" * 100 + "]" * 100 + ', "records": [{"values": {}}]}', "nested too deeply"),
        ("{" + MANY_NAMES + '"7": 2, "records": [{"values": {}}]}', "“7” appears twice"),
        ('{"a": {' + MANY_NAMES + '"7": 2}}', "“7” appears twice"),
        ('{"records": [' + ",".join(["1"] * 101) + "]}", "At most 100 records"),
        ('{"\ud800": 1, "\ud800": 2}', "appears twice"),
    ],
)
def test_what_is_no_export_is_refused_with_the_place(text: str, said: str) -> None:
    with pytest.raises(Invalid) as refusal:
        read_json_file(text, 100)
    assert said in refusal.value.first.translate("en")


@pytest.mark.parametrize("number", ["9" * 1_000_000, "1e999999999", "0." + "1" * 1_000_000, "-" + "9" * 1_000_000])
def test_a_number_of_any_length_costs_no_more_than_to_look_past_it(number: str) -> None:
    record = f'{{"values": {{"whole_number": {number}, "decimal": {number}, "text": {number}, "choice": {number}}}}}'
    text = f'{{"records": [{record}]}}'
    started = time.process_time()
    source = open_again(text.encode(), Fields(FIELDS))
    for _, read in source.cells(source.lines[0]):
        with pytest.raises(ValueError, match="more digits"):
            read("")
    assert time.process_time() - started < 5  # digits that are reckoned with take minutes


@pytest.mark.parametrize(
    "value",
    [
        True,
        7,
        "x",
        "\ud800",
        "\0",
        [],
        [[]],
        [1] * 1000,
        ["a"] * 400,
        {},
        {"a": 1},
        "x" * 200_000,
        "e" + "\u0301\u0323" * 40_000,
    ],
    ids=lambda value: str(type(value).__name__),
)
def test_a_value_of_any_type_is_read_or_refused(value: Any) -> None:
    record = {"values": {field.key: value for field in FIELDS}}
    source = open_again(json.dumps({"records": [record]}).encode(), Fields(FIELDS))
    for _, read in source.cells(source.lines[0]):
        try:
            read("").encode()
        except ValueError as error:
            assert error.args[0].translate("en")  # noqa: PT017


def test_decimals_may_be_numbers_and_have_all_their_digits() -> None:
    source = open_again(b'{"records": [{"values": {"decimal": 0.1000000001, "money": 12}}]}', Fields(FIELDS))
    assert values_of(source) == [{"decimal": "0.1000000001", "money": "12"}]


@pytest.mark.parametrize("value", [1, None, "x", {}, {"values": 1}, {"values": {}, "number": "x"}, []])
def test_a_record_that_is_none_is_refused_alone(value: Any) -> None:
    source = open_again(json.dumps({"records": [value, {"values": {"text": "one"}}]}).encode(), Fields(FIELDS))
    assert source.lines[1].errors == []
    assert bool(source.lines[0].errors) == (not isinstance(value, dict) or value.get("values") != {})


# Through the pages.


@pytest.fixture
async def people(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    async with AsyncExitStack() as stack:
        yield {
            name: await stack.enter_async_context(aclosing(shared_server.let_in(slug, f"{name}@{slug}.test")))
            for slug, name in (("acme", "ana"), ("acme", "carla"), ("globex", "gil"))
        }


async def look(client: httpx.AsyncClient, slug: str, text: str) -> httpx.Response:
    return await client.post(f"/c/{slug}/import", data={"table": text})


async def write(client: httpx.AsyncClient, slug: str, page: str) -> httpx.Response:
    seen = re.search(r'name="seen" value="([^"]*)"', page)
    table = re.search(r'<textarea name="table"[^>]*>\n(.*?)</textarea>', page, re.S)
    assert seen
    assert table
    return await client.post(f"/c/{slug}/import", data={"table": html.unescape(table[1]), "seen": seen[1]})


async def test_books_that_were_exported_are_unchanged_and_what_is_changed_in_them_is_written(
    people: dict[str, httpx.AsyncClient],
) -> None:
    ana = people["ana"]
    text = (await ana.get("/c/books/export.json")).text
    page = await look(ana, "books", text)
    assert page.status_code == 200
    assert "0 records will be added, 0 will be changed" in page.text
    assert 'class="btn primary" type="submit">Import' not in page.text
    found = json.loads(text)
    found["records"] = found["records"][:2]
    found["records"][0]["values"]["notes"] = "From a file"
    found["records"][1]["values"]["status"] = 99
    page = await look(ana, "books", json.dumps(found))
    assert page.status_code == 422
    assert f"Item 2, number {found['records'][1]['number']}<" in page.text
    assert "Line " not in page.text
    assert "Fix 1 record." in page.text
    found["records"] = found["records"][:1]
    page = await look(ana, "books", json.dumps(found))
    assert "1 will be changed" in page.text
    assert (await write(ana, "books", page.text)).status_code == 303
    number = found["records"][0]["number"]
    record = json.loads((await ana.get("/c/books/export.json")).text)["records"][0]
    assert (record["number"], record["values"]["notes"]) == (number, "From a file")
    assert record["version"] == found["records"][0]["version"] + 1
    page = await look(ana, "books", text)
    assert "It was changed after it was exported." in page.text


async def test_a_place_in_json_is_told_by_the_item_and_its_number_however_it_is_written(
    people: dict[str, httpx.AsyncClient],
) -> None:
    ana = people["ana"]
    made = await ana.post("/collections/new", data={"name": "Tags", "first": "Tag"})
    slug = made.headers["location"].split("/")[2]
    await ana.post(f"/c/{slug}/fields/tag", data={"label": "Tag", "unique": "yes"})
    records = [{"number": 7, "values": {"tag": "K1"}}, {"values": {"tag": "k1"}}, {"values": {}}, {"values": []}]
    for text in (json.dumps({"records": records}), json.dumps({"records": records}, indent=2)):
        page = html.unescape((await look(ana, slug, text)).text)
        assert re.findall(r"<li><b>(.*?)</b>", page) == ["Item 4", "Item 1, number 7"]
        assert "Tag: Item 2 has the same value." in page, "the one with a number comes after those without"


async def test_books_of_one_workspace_are_added_in_another(people: dict[str, httpx.AsyncClient]) -> None:
    exported = json.loads((await people["ana"].get("/c/books/export.json?q=machado&sort=title")).text)
    gil = people["gil"]
    before = json.loads((await gil.get("/c/books/export.json")).text)["records"]
    page = await look(gil, "books", json.dumps(exported))
    assert page.status_code == 200, html.unescape(page.text)
    assert "It was exported from another collection" in page.text
    assert (await write(gil, "books", page.text)).status_code == 303
    after = json.loads((await gil.get("/c/books/export.json?sort=number")).text)["records"][len(before) :]
    wanted = sorted(exported["records"], key=lambda each: each["number"])
    assert [each["values"]["title"] for each in after] == [each["values"]["title"] for each in wanted]
    assert [each["values"]["year"] for each in after] == [each["values"]["year"] for each in wanted]


async def test_what_is_no_export_is_said_on_the_page_with_what_was_sent(people: dict[str, httpx.AsyncClient]) -> None:
    page = await look(people["ana"], "books", '{"records": [' + "[" * 50_000)
    assert page.status_code == 422
    assert "nested too deeply" in page.text
    page = await people["ana"].post(
        "/c/books/import/file", files={"file": ("books.json", b'\xef\xbb\xbf{"records": []}', "application/json")}
    )
    assert page.status_code == 200
    page = await look(people["ana"], "books", '\ufeff{"records": []}')
    assert page.status_code == 422
    assert "This JSON has no “records”." in html.unescape(page.text)


def test_what_was_not_imported_is_sent_back_as_it_was_said() -> None:
    said = '"collection": {"name": "Infinity Ltd", "size": 1e999999}'
    source = open_again(f'{{{said}, "records": [{{"values": {{"text": "a"}}}}]}}'.encode(), Fields(make_fields("text")))
    again = json.loads(source.write(source.lines))
    assert again == {"collection": {"name": "Infinity Ltd", "size": None}, "records": [{"values": {"text": "a"}}]}
