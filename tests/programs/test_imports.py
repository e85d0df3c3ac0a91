"""Tables that programs import: looked at first, written once, and over nothing that was not seen."""

from __future__ import annotations

from typing import Any

import httpx
import pytest

from tests.conftest import Server
from tests.programs.conftest import API, LetIn, problem_of

BOOKS = f"{API}/collections/books"
IMPORT = f"{BOOKS}/import"


@pytest.fixture
async def program(let_in: LetIn) -> httpx.AsyncClient:
    return await let_in("ana@acme.test", name="importer")


async def add(program: httpx.AsyncClient, title: str) -> dict[str, Any]:
    answer = await program.post(f"{BOOKS}/records", json={"values": {"title": title, "author": "Someone"}})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def look(program: httpx.AsyncClient, table: str, path: str = IMPORT, **given: Any) -> dict[str, Any]:
    """What importing a table would do; what is to be sent then is the table and this one's `definition` and `seen`."""
    answer = await program.post(f"{path}/preview", json={"table": table, **given})
    assert answer.status_code == 200, answer.text
    looked: dict[str, Any] = answer.json()
    return looked


async def list_titled(program: httpx.AsyncClient, words: str) -> list[str]:
    listed = (await program.get(f"{BOOKS}/records", params={"q": words, "limit": 200})).json()["items"]
    return [each["values"]["title"] for each in listed]


async def test_a_table_is_looked_at_and_imported(program: httpx.AsyncClient) -> None:
    there, other = await add(program, "Imported over"), await add(program, "Imported too late")
    table = (
        "#,Title,Author\n"
        f"{there['number']},Imported over now,Someone\n{other['number']},Never written,Someone\n"
        ",Imported anew,Someone\n999999,Not there,Someone\n"
    )
    preview = await program.post(f"{IMPORT}/preview", json={"table": table})
    assert preview.status_code == 200, preview.text
    looked = preview.json()
    assert (looked["added"], looked["changed"], looked["wrong"]) == (1, 2, 1)
    assert [each["what"] for each in looked["lines"][:3]] == ["change", "change", "add"]
    unknown = await program.post(f"{IMPORT}/preview", json={"table": "Title,Author,Nonsense\nA,B,C\n"})
    assert problem_of(unknown) == (422, "invalid")
    assert unknown.json()["errors"] == [{"field": "table", "detail": "There is no field “Nonsense”."}]
    emptied = await program.post(f"{IMPORT}/preview", json={"table": "Title,,Nonsense,\nA,,,\nB,,,\n"})
    (left_out,) = emptied.json()["left_out"]
    assert left_out["columns"] == ["(no name)", "(no name)", "Nonsense"]
    assert left_out["reason"] == "Skipped, because there is nothing in it:"
    assert await list_titled(program, "imported anew") == [], "nothing is changed"
    changed = await program.patch(
        f"{BOOKS}/records/{other['number']}", json={"values": {"year": 1999}}, headers={"if-match": '"1"'}
    )
    assert changed.status_code == 200
    key = {"idempotency-key": f"table {there['number']}".replace(" ", "-")}
    given = {"table": table, "definition": looked["definition"], "seen": looked["seen"]}
    done = await program.post(IMPORT, json=given, headers=key)
    assert done.status_code == 200, done.text
    assert (done.json()["added"], done.json()["changed"]) == (1, 1)
    reasons = [each["errors"][0]["detail"] for each in done.json()["left"]]
    assert reasons[0] == "It has changed since you saw it."
    assert "999999" in reasons[1]
    assert (await program.post(IMPORT, json=given, headers=key)).json() == done.json()
    assert await list_titled(program, "imported anew") == ["Imported anew"], "it was done once"
    whats = (await program.get(f"{BOOKS}/records/{there['number']}/revisions")).json()["items"]
    assert [each["what"] for each in whats] == ["imported", "created"]


async def test_what_is_wrong_in_a_line_is_said_by_the_keys_of_fields(program: httpx.AsyncClient) -> None:
    there = (await add(program, "Keyed"))["number"]
    table = f"#,Title,Author,Year\n,,A,soon\n999999,Unknown,A,\n{there},One,A,\n{there},Two,A,\nx,Three,A,\n"
    looked = await look(program, table)
    lines = looked["lines"]
    assert [sorted(error["field"] for error in line["errors"]) for line in lines[:2]] == [["title", "year"], ["#"]]
    assert (lines[0]["what"], lines[0]["number"]) == ("add", None)
    assert (lines[1]["what"], lines[1]["number"]) == ("change", 999_999)
    doubled = [line for line in lines[2:4] if line["errors"]]
    assert doubled
    assert {(line["what"], line["number"], line["errors"][0]["field"]) for line in doubled} == {("change", there, "#")}
    assert (lines[4]["what"], lines[4]["number"], lines[4]["errors"][0]["field"]) == ("change", None, "#")
    given = {"table": table, "definition": looked["definition"]}
    left = (await program.post(IMPORT, json=given)).json()["left"]
    assert [error["field"] for error in left[0]["errors"]] == [error["field"] for error in lines[0]["errors"]]


async def test_a_call_says_in_which_locale_its_table_is_written(program: httpx.AsyncClient) -> None:
    made = await program.post(f"{API}/collections", json={"name": "Weights", "first": "Name"})
    path = f"{API}/collections/{made.json()['slug']}"
    for name, kind in (("Weight", "decimal"), ("Since", "date"), ("Lent", "yes_no")):
        field = {"name": name, "kind": kind, **({"options": {"digits": 2}} if kind == "decimal" else {})}
        assert (await program.post(f"{path}/fields", json=field)).status_code == 201
    written = {
        "": "Box;1,234.50;1/31/2026;Yes",
        "en_US": "Box;1,234.50;1/31/2026;Yes",
        "pt_BR": "Box;1.234,50;31/01/2026;Sim",
    }
    for locale, line in written.items():
        given = {"table": f"Name;Weight;Since;Lent\n{line}\n", **({"locale": locale} if locale else {})}
        looked = (await program.post(f"{path}/import/preview", json=given)).json()
        assert (looked["added"], looked["wrong"]) == (1, 0), looked
        given["definition"] = looked["definition"]
        assert (await program.post(f"{path}/import", json=given)).json()["added"] == 1
    records = (await program.get(f"{path}/records")).json()["items"]
    assert [each["values"] for each in records] == [
        {"name": "Box", "weight": "1234.5", "since": "2026-01-31", "lent": True}
    ] * 3
    table = f"Name;Weight;Since;Lent\n{written['pt_BR']}\n"
    assert (await program.post(f"{path}/import/preview", json={"table": table})).json()["wrong"] == 1
    given = {"table": table, "locale": "pt_BR", "definition": looked["definition"]}
    assert (await program.post(f"{path}/import", json=given)).status_code == 200
    otherwise = await program.post(f"{path}/import", json={**given, "locale": "en_US"})
    assert problem_of(otherwise) == (412, "version-changed"), "it is read otherwise than it was looked at"
    unknown = await program.post(f"{path}/import", json={**given, "locale": "xx"})
    assert problem_of(unknown) == (422, "invalid")
    assert unknown.json()["errors"] == [{"field": "locale", "detail": "There is no such locale."}]


async def test_what_was_not_seen_is_not_changed(program: httpx.AsyncClient) -> None:
    there = await add(program, "Unseen")
    table = f"#,Title,Author\n{there['number']},Written blindly,Someone\n"
    given = {"table": table, "definition": (await look(program, table))["definition"]}
    done = (await program.post(IMPORT, json=given)).json()
    assert (done["added"], done["changed"], len(done["left"])) == (0, 0, 1)
    for other in ("Nothing\nof,it\n", ""):
        assert problem_of(await program.post(IMPORT, json={**given, "table": other})) == (422, "invalid")


@pytest.mark.parametrize("how", ["names are swapped", "choices are swapped", "one is added"])
async def test_a_table_is_not_imported_otherwise_than_it_was_looked_at(program: httpx.AsyncClient, how: str) -> None:
    made = await program.post(f"{API}/collections", json={"name": f"Bound where {how}", "first": "Name"})
    path = f"{API}/collections/{made.json()['slug']}"
    for field in (
        {"name": "Holder"},
        {"name": "Heir"},
        {"name": "State", "kind": "choice", "choices": ["Yes", "Maybe"]},
    ):
        assert (await program.post(f"{path}/fields", json={"kind": "text", **field})).status_code == 201

    async def change(key: str, **given: Any) -> None:
        tag = {"if-match": (await program.get(f"{path}/fields/{key}")).headers["etag"]}
        assert (await program.patch(f"{path}/fields/{key}", json=given, headers=tag)).status_code == 200

    table = "Name,Holder,Heir,State\nx,Ana,Bia,Yes\n"
    given = {"table": table, "definition": (await look(program, table, f"{path}/import"))["definition"]}
    if how == "names are swapped":
        await change("holder", name="Former")
        await change("heir", name="Holder")
        await change("holder", name="Heir")
    elif how == "choices are swapped":
        await change("state", choices=[{"id": 1, "name": "Maybe"}, {"id": 2, "name": "Yes"}])
    else:
        assert (await program.post(f"{path}/fields", json={"name": "More", "kind": "text"})).status_code == 201
    blind = await program.post(f"{path}/import", json={"table": table})
    assert problem_of(blind) == (422, "invalid"), "what was not looked at is not imported"
    key = {"idempotency-key": "bound"}
    refused = await program.post(f"{path}/import", json=given, headers=key)
    assert problem_of(refused) == (412, "version-changed")
    assert (await program.get(f"{path}/records")).json()["items"] == []
    anew = refused.json()["preview"]
    assert anew == await look(program, table, f"{path}/import")
    given["definition"] = anew["definition"]
    assert (await program.post(f"{path}/import", json=given, headers=key)).json()["added"] == 1


async def test_an_import_that_was_cut_off_goes_on_where_it_was(
    shared_server: Server, program: httpx.AsyncClient
) -> None:
    lines = "".join(f"Part {place} of many,Someone\n" for place in range(450))
    table, key = f"Title,Author\n{lines}", {"idempotency-key": "cut-off"}
    given = {"table": table, "definition": (await look(program, table))["definition"]}
    done = (await program.post(IMPORT, json=given, headers=key)).json()
    assert done["added"] == 450
    # As if the process had ended before the last part: what is kept of it, and of the whole, is not there.
    kept = shared_server.store.rows("SELECT key FROM kept_answer WHERE tenant_id = 1 ORDER BY made_at DESC")
    for (each,) in kept[:1]:
        shared_server.store.rows("DELETE FROM kept_answer WHERE tenant_id = 1 AND key = ?", each)
    again = (await program.post(IMPORT, json=given, headers=key)).json()
    assert again == done
    listed = (await program.get(f"{BOOKS}/records", params={"q": "part 449 of many"})).json()["items"]
    assert len(listed) == 1
