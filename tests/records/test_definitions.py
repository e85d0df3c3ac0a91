"""What admins do with fields: with each choice by itself, keys, removing and restoring, and kinds."""

from __future__ import annotations

import asyncio
import itertools
import re
from collections.abc import AsyncIterator, Mapping
from html import unescape

import httpx
import pytest

from app.records.kinds import FIELD_KINDS
from tests.conftest import Server
from tests.records.conftest import Work
from tests.sent_forms import read_form


@pytest.fixture
def own_or_shared(request: pytest.FixtureRequest) -> Server:
    """The server of a test that asks for one of its own, else that of all: most are about one collection."""
    found: Server = request.getfixturevalue("server" if "server" in request.fixturenames else "shared_server")
    return found


@pytest.fixture
def asked_server(own_or_shared: Server) -> Server:
    return own_or_shared


@pytest.fixture
async def davi(server: Server) -> AsyncIterator[httpx.AsyncClient]:
    async with server.let_in("acme", "davi@acme.test") as client:
        yield client


NUMBERS = itertools.count(1)


async def make_tools(ana: httpx.AsyncClient, named: str = "", /, **field: str) -> tuple[str, str, str]:
    """A collection of tools with a second field: its address, and the refs of both fields."""
    made = await ana.post("/collections/new", data={"name": named or f"Tools {next(NUMBERS)}", "first": "Title"})
    address = made.headers["location"].removesuffix("/fields?done=collection")
    added = await ana.post(f"{address}/fields", data=field)
    assert added.status_code == 303, added.text
    refs = re.findall(rf'href="{address}/fields/(f\d+)#', (await ana.get(f"{address}/fields")).text)
    return address, refs[0], refs[1]


async def add(ana: httpx.AsyncClient, address: str, **typed: str) -> None:
    added = await ana.post(f"{address}/new", data=typed)
    assert added.status_code == 303, added.text


def form_of(page: str) -> dict[str, str]:
    """What the form of a field sends as it stands."""
    return read_form(page, "", "version")


async def change(
    ana: httpx.AsyncClient, address: str, ref: str, changed: Mapping[str, str], status: int = 303
) -> httpx.Response:
    """Change some of a field as its form has it."""
    sent = {**form_of((await ana.get(f"{address}/fields/{ref}")).text), **changed}
    answer = await ana.post(f"{address}/fields/{ref}", data={key: text for key, text in sent.items() if text != "-"})
    assert answer.status_code == status, answer.text
    return answer


STATES = {"label": "State", "kind": "choice", "choices": "Good\nBroken\nLost"}


async def test_choices_are_renamed_coloured_and_ordered_one_by_one(ana: httpx.AsyncClient) -> None:
    address, title, state = await make_tools(ana, **STATES)
    for name, choice in (("Axe", "#1"), ("Saw", "#2")):
        await add(ana, address, **{title: name, state: choice})
    await change(
        ana,
        address,
        state,
        {"choice-2-name": "Out of order", "choice-2-color": "red", "choice-2-place": "0", "choices": "New\nStolen"},
    )
    page = (await ana.get(f"{address}/2")).text
    assert '<span class="tag" data-color="red">Out of order</span>' in page
    form = (await ana.get(f"{address}/new")).text
    assert re.findall(r'<option value="(#\d)">(.*?)</option>', form) == [
        ("#2", "Out of order"), ("#1", "Good"), ("#3", "Lost"), ("#4", "New"), ("#5", "Stolen"),
    ]  # fmt: skip


async def test_what_is_ordered_by_choices_follows_their_order(ana: httpx.AsyncClient, work: Work) -> None:
    address, title, state = await make_tools(ana, **STATES)
    for name, choice in (("Axe", "#1"), ("Saw", "#2"), ("Vice", "#3")):
        await add(ana, address, **{title: name, state: choice})
    await change(ana, address, state, {"choice-3-place": "0", "choice-1-name": "Well kept"})
    await work()
    listed = (await ana.get(f"{address}?sort={state}")).text
    assert listed.index("Vice") < listed.index("Axe") < listed.index("Saw")
    assert "Axe" in (await ana.get(f"{address}?q=well+kept")).text
    assert "Axe" not in (await ana.get(f"{address}?q=good")).text


async def test_a_choice_that_nothing_has_is_gone_and_another_is_archived(ana: httpx.AsyncClient) -> None:
    address, title, state = await make_tools(ana, **STATES)
    await add(ana, address, **{title: "Axe", state: "#2"})
    await change(ana, address, state, {"choice-2-removed": "yes", "choice-3-removed": "yes"})
    form = (await ana.get(f"{address}/fields/{state}")).text
    assert re.search(r'name="choice-2-archived"[^>]* checked', form)
    assert "choice-3-name" not in form
    assert "in 1 record" in form, "so many have what can't be chosen any more"
    await add(ana, address, **{title: "Saw", state: "#1"})
    assert "in 1 record" in (await ana.get(f"{address}/fields/{state}")).text
    assert "Broken" in (await ana.get(f"{address}/1")).text
    await change(ana, address, state, {"choices": "Sold"})
    assert re.findall(r'name="choice-(\d)-name"', (await ana.get(f"{address}/fields/{state}")).text) == ["1", "2", "4"]
    await change(ana, address, state, {"choice-2-archived": "-"})
    assert '<option value="#2">Broken</option>' in (await ana.get(f"{address}/new")).text


@pytest.mark.parametrize("kind", ["choice", "choices"])
async def test_a_choice_that_a_draft_or_a_revision_has_is_not_forgotten(ana: httpx.AsyncClient, kind: str) -> None:
    address, title, state = await make_tools(ana, **{**STATES, "kind": kind})
    await add(ana, address, **{title: "Axe", state: "#1"})
    edit = (await ana.get(f"{address}/1/edit")).text
    token = re.findall(r'name="lock-token" value="([^"]+)"', edit)[0]
    typed = {title: "Axe", state: "#3", "lock-token": token, "version": "1"}
    assert (await ana.post(f"{address}/1/edit", data=typed)).status_code == 303
    kept = await ana.post(f"{address}/new/draft", data={title: "Saw", state: "#2", "draft-version": "0"})
    assert kept.status_code == 204
    await change(ana, address, state, {f"choice-{each}-removed": "yes" for each in (1, 2)})
    form = (await ana.get(f"{address}/fields/{state}")).text
    assert re.findall(r'name="choice-(\d)-archived"[^>]* checked', form) == ["1", "2"]


async def test_a_default_follows_its_choice_and_can_not_be_archived(ana: httpx.AsyncClient) -> None:
    address, _, state = await make_tools(ana, **STATES, default="good")
    await change(ana, address, state, {"choice-1-name": "Fine"})
    assert '<option value="#1" selected>Fine</option>' in (await ana.get(f"{address}/new")).text
    refused = await change(ana, address, state, {"choice-1-archived": "yes"}, 422)
    assert "can no longer be chosen" in refused.text


@pytest.mark.parametrize(
    ("kind", "typed", "shown"),
    [
        ("yes_no", "sim", "Sim"),
        ("yes_no", "SIM", "Sim"),
        ("yes_no", "não", "Não"),
        ("person", "bruno@acme.test", "Bruno"),
        ("date", "31/1/2026", "31/01/2026"),
        ("decimal", "1.234,5", "1234,5"),
    ],
)
async def test_a_default_is_read_and_shown_as_people_of_the_workspace_write_it(
    server: Server, kind: str, typed: str, shown: str
) -> None:
    server.store.rows("UPDATE tenant SET language = 'pt_BR', locale = 'pt_BR' WHERE slug = 'acme'")
    async with server.let_in("acme", "ana@acme.test") as ana:
        address, _, ref = await make_tools(ana, label="Campo", kind=kind, default=typed)
        assert form_of((await ana.get(f"{address}/fields/{ref}")).text)["default"] == shown
        await change(ana, address, ref, {"help": "Ajuda"})
        assert form_of((await ana.get(f"{address}/fields/{ref}")).text)["default"] == shown
        started = (await ana.get(f"{address}/new")).text
        if kind == "yes_no":
            assert bool(re.search(rf'name="{ref}" type="checkbox" value="yes" checked', started)) == (shown == "Sim")
        assert kind != "decimal" or f'name="{ref}" type="text" inputmode="decimal" value="1234,5"' in started


async def test_a_default_that_says_neither_yes_nor_no_is_refused(ana: httpx.AsyncClient) -> None:
    address, _, ref = await make_tools(ana, label="Working", kind="yes_no")
    refused = await change(ana, address, ref, {"default": "maybe"}, 422)
    assert "Enter yes or no." in refused.text


async def test_of_two_who_change_choices_the_second_sees_both(ana: httpx.AsyncClient) -> None:
    address, _, state = await make_tools(ana, **STATES)
    mine = {**form_of((await ana.get(f"{address}/fields/{state}")).text), "choice-1-name": "Mine"}
    await change(ana, address, state, {"choice-1-name": "Theirs", "choice-2-color": "violet"})
    refused = await ana.post(f"{address}/fields/{state}", data=mine)
    assert refused.status_code == 409
    assert all(text in refused.text for text in ("Mine (Green)", "Theirs (Green)", "Broken (Violet)"))


async def test_who_has_changed_a_field_in_another_tab_is_not_told_of_somebody_else(
    ana: httpx.AsyncClient, server: Server
) -> None:
    address, title, state = await make_tools(ana, **STATES)
    async with server.let_in("acme", "bruno@acme.test") as bruno:
        for author, other in ((ana, bruno), (bruno, ana)):
            theirs, mine = [form_of((await each.get(f"{address}/fields/{state}")).text) for each in (author, other)]
            await change(author, address, state, {"help": f"By {author is ana}"})
            told = (await author.post(f"{address}/fields/{state}", data={**theirs, "help": "Once more"})).text
            assert "You changed this field somewhere else after you opened it here." in told
            assert "Someone else has changed" not in told
            told = (await other.post(f"{address}/fields/{state}", data={**mine, "help": "Mine"})).text
            assert "Someone else has changed this field." in told
        stale = form_of((await ana.get(f"{address}/fields/{title}")).text)
        changed = await ana.post(
            f"{address}/fields/{title}/kind", data={"kind": "long_text", "version": stale["version"]}
        )
        assert changed.status_code == 303, changed.text
        told = (await ana.post(f"{address}/fields/{title}", data={**stale, "help": "Long"})).text
        assert "You changed the type of this field somewhere else from Text to Long text." in told, "its kind, too"
        assert "Someone else has changed" not in told


async def test_a_change_of_a_field_that_is_sent_again_leads_on(ana: httpx.AsyncClient) -> None:
    address, _, state = await make_tools(ana, **STATES)
    mine = {**form_of((await ana.get(f"{address}/fields/{state}")).text), "help": "Mine", "choice-1-color": "violet"}
    for _ in range(2):
        answer = await ana.post(f"{address}/fields/{state}", data=mine)
        assert (answer.status_code, answer.headers["location"]) == (303, f"{address}/fields?done=field")


async def test_what_two_have_made_of_a_field_is_compared_in_words_of_the_workspace(server: Server) -> None:
    server.store.rows("UPDATE tenant SET language = 'pt_BR', locale = 'pt_BR' WHERE slug = 'acme'")
    async with server.let_in("acme", "ana@acme.test") as ana:
        address, _, state = await make_tools(ana, **STATES)
        opened = form_of((await ana.get(f"{address}/fields/{state}")).text)
        mine = {**opened, "help": "Meu", "seen-state": ""}  # a page of before, which does not say what it had
        saved = {"choice-2-color": "blue", "choice-2-archived": "yes", "required": "yes", "default": "#1"}
        await change(ana, address, state, {**saved, "read_only_for": "guest"})
        refused = await ana.post(f"{address}/fields/{state}", data=mine)
        assert refused.status_code == 409
        compared = re.findall(r'<tr><th scope="row"[^>]*>(.*?)</th><td class="lines">(.*?)</td><td', refused.text, re.S)
        rows = re.findall(r"<tr><th.*?</tr>", refused.text.partition("<tbody>")[2].partition("</tbody>")[0], re.S)
        assert len(compared) == len(rows) == 5
        shown = unescape(" ".join(rows))
        assert "Broken (Azul, arquivada)" in shown
        assert "Não" in shown
        assert ">Sim<" in shown
        assert ">Convidado<" in shown
        assert ">Good<" in shown
        assert not re.search(r"blue|archived|yes|guest|#1", shown)


@pytest.mark.parametrize(
    ("key", "status"),
    [("state_of_it", 303), ("State2", 303), ("f7", 422), ("title", 422), ("number", 422), ("a b", 422), ("é", 422),
     ("x" * 41, 422), ("2x", 422)],
)  # fmt: skip
async def test_a_key_can_be_chosen(ana: httpx.AsyncClient, key: str, status: int) -> None:
    address, title, state = await make_tools(ana, f"Tools called {key}", **STATES)
    await add(ana, address, **{title: "Axe", state: "#2"})
    await change(ana, address, state, {"key": key}, status)
    exported = (await ana.get(f"{address}/export.json")).text
    assert (f'"{key}"' in exported) == (status == 303 or key in ("title", "number"))


NOTE = {"label": "Note", "kind": "text"}


async def open_edit(client: httpx.AsyncClient, address: str) -> dict[str, str]:
    """Begin to edit a record: what its form sends beside the texts."""
    page = (await client.get(f"{address}/edit")).text
    hidden = re.findall(r'<input type="hidden" name="(version|lock-token|has-fields)" value="([^"]*)"', page)
    return dict(reversed(hidden))


async def test_a_removed_field_is_restored_with_its_values(ana: httpx.AsyncClient, work: Work, server: Server) -> None:
    address, title, note = await make_tools(ana, **NOTE, unique="yes")
    for name in ("Axe", "Saw"):
        await add(ana, address, **{title: name, note: f"of {name}"})
    answer = await ana.post(f"{address}/fields/{note}", data={"action": "remove"})
    page = (await ana.get(answer.headers["location"])).text
    assert "can restore it below for 30 days" in page
    assert f"/fields/{note}/restore" in page
    await work()
    assert "Axe" not in (await ana.get(f"{address}?q=of+axe")).text
    form = await open_edit(ana, f"{address}/1")
    saved = await ana.post(f"{address}/1/edit", data={**form, title: "Old axe"})
    assert saved.status_code == 303
    again = await ana.post(f"{address}/fields/{note}/restore")
    assert again.headers["location"].endswith("field-restored")
    await work()
    assert "of Axe" in (await ana.get(f"{address}/1")).text
    assert "Old axe" in (await ana.get(f"{address}?q=of+axe")).text
    listed = (await ana.get(f"{address}?sort=-{note}")).text
    assert listed.index("Saw") < listed.index("Old axe")
    taken = await ana.post(f"{address}/new", data={title: "Third", note: "of Saw"})
    assert "Record 2 already has this value." in taken.text
    assert (await ana.post(f"{address}/fields/{note}/restore")).status_code == 303, "sent again"
    assert f"/fields/{note}/restore" not in (await ana.get(f"{address}/fields")).text
    entries = server.store.rows("SELECT what FROM audit_entry ORDER BY id DESC LIMIT 3")
    assert [entry[0] for entry in entries] == ["field.restored", "field.removed", "field.added"]
    assert re.search(r"added the field\s+.*Note", re.sub("<[^>]+>", " ", (await ana.get("/audit")).text))


async def test_a_form_that_was_open_while_a_field_came_back_takes_nothing_out_of_it(ana: httpx.AsyncClient) -> None:
    address, title, note = await make_tools(ana, **NOTE)
    await ana.post(f"{address}/fields", data={"label": "Sharp", "kind": "yes_no"})
    sharp = f"f{int(note[1:]) + 1}"
    await add(ana, address, **{title: "Axe", note: "of Axe", sharp: "yes"})
    for ref in (note, sharp):
        await ana.post(f"{address}/fields/{ref}", data={"action": "remove"})
    form = await open_edit(ana, f"{address}/1")
    kept = await ana.post(f"{address}/1/draft", data={**form, title: "Better axe"})
    assert kept.status_code == 204
    for ref in (note, sharp):
        await ana.post(f"{address}/fields/{ref}/restore")
    saved = await ana.post(f"{address}/1/edit", data={**form, title: "Better axe"})
    assert saved.status_code == 303
    page = (await ana.get(f"{address}/1")).text
    assert all(text in page for text in ("Better axe", "of Axe", "Yes"))


async def test_a_draft_of_before_goes_on_with_what_a_restored_field_has(ana: httpx.AsyncClient) -> None:
    address, title, note = await make_tools(ana, **NOTE)
    await add(ana, address, **{title: "Axe", note: "of Axe"})
    await ana.post(f"{address}/fields/{note}", data={"action": "remove"})
    form = await open_edit(ana, f"{address}/1")
    left = await ana.post(f"{address}/1/lock/release", data={**form, title: "Draft of axe"})
    assert left.status_code == 303
    await ana.post(f"{address}/fields/{note}/restore")
    page = (await ana.get(f"{address}/1/edit")).text
    assert "Draft of axe" in page
    assert re.search(rf'name="{note}" value="of Axe"', page)


async def test_the_question_says_who_has_something_in_a_form(ana: httpx.AsyncClient, davi: httpx.AsyncClient) -> None:
    address, title, note = await make_tools(ana, **NOTE)
    for name in ("Axe", "Saw"):
        await add(ana, address, **{title: name, note: f"of {name}"})
    question = f"{address}/fields/{note}/remove"
    assert "drafts of" not in (await ana.get(question)).text
    form = await open_edit(davi, f"{address}/1")
    page = (await ana.get(question)).text
    assert "its values in 2 records" in page
    assert "It is in the open forms or drafts of Davi." in page
    await davi.post(f"{address}/1/draft", data={**form, title: "Axe", note: "typed by Davi"})
    await davi.post(f"{address}/1/lock/release", data={**form, title: "Axe", note: "typed by Davi"})
    await ana.post(f"{address}/new/draft", data={title: "", note: "new", "draft-version": "0"})
    assert "open forms or drafts of Ana, Davi." in (await ana.get(question)).text
    await ana.post(f"{address}/fields/{note}", data={"action": "remove"})
    assert "typed by Davi" in (await davi.get(f"{address}/1/edit")).text


async def test_a_restored_field_gives_way_to_who_has_its_name_now(ana: httpx.AsyncClient) -> None:
    address, _, note = await make_tools(ana, **NOTE)
    await ana.post(f"{address}/fields/{note}", data={"action": "remove"})
    await ana.post(f"{address}/fields", data=NOTE)
    await ana.post(f"{address}/fields/{note}/restore")
    assert re.findall(r"<b>(Note.*?)</b>", (await ana.get(f"{address}/fields")).text) == ["Note (2)", "Note"]


async def test_a_restored_field_is_unique_no_more_where_its_values_are_not(ana: httpx.AsyncClient) -> None:
    address, title, note = await make_tools(ana, **NOTE, unique="yes")
    await add(ana, address, **{title: "Axe", note: "same"})
    await ana.post(f"{address}/1/delete", data={"version": "1"})
    await add(ana, address, **{title: "Saw", note: "same"})
    await ana.post(f"{address}/fields/{note}", data={"action": "remove"})
    await ana.post(f"{address}/1/restore", data={"version": "2"})
    answer = await ana.post(f"{address}/fields/{note}/restore")
    assert "no longer unique" in (await ana.get(answer.headers["location"])).text
    assert "same" in (await ana.get(f"{address}/1")).text


async def test_records_that_lack_a_required_value_are_counted_and_filled(
    ana: httpx.AsyncClient, davi: httpx.AsyncClient
) -> None:
    address, title, state = await make_tools(ana, **STATES)
    for name, choice in (("Axe", "#1"), ("Saw", ""), ("Vice", ""), ("Awl", "")):
        await add(ana, address, **{title: name, state: choice})
    await change(ana, address, state, {"required": "yes"})
    page = (await ana.get(f"{address}/fields/{state}")).text
    assert "3 records have no value in this field." in page
    await open_edit(davi, f"{address}/4")
    refused = await ana.post(f"{address}/fields/{state}/fill", data={state: ""})
    assert refused.status_code == 422
    filled = await ana.post(f"{address}/fields/{state}/fill", data={state: "#2"})
    page = (await ana.get(filled.headers["location"])).text
    assert "Others are being edited" in page
    assert "1 record has no value in this field." in page
    for number, name in ((1, "Good"), (2, "Broken"), (3, "Broken")):
        assert name in (await ana.get(f"{address}/{number}")).text
    assert "changed State" in re.sub(r"<[^>]+>| +", " ", (await ana.get(f"{address}/2")).text).replace("  ", " ")
    await ana.post(f"{address}/fields/{title}", data={"label": "Title", "unique": "yes"})
    taken = await ana.post(f"{address}/fields/{title}/fill", data={title: "Same"})
    assert taken.status_code == 422


async def test_a_collection_has_an_icon_a_colour_and_a_description(ana: httpx.AsyncClient) -> None:
    address, _, _ = await make_tools(ana, **NOTE)
    about = {"collection_name": "Our tools", "icon": "wrench", "color": "red", "description": "In the <b>shed</b>."}
    assert (await ana.post(f"{address}/rename", data=about)).status_code == 303
    page = (await ana.get(address)).text
    assert "In the &lt;b&gt;shed&lt;/b&gt;." in page
    assert re.search(r'data-color="red"><use href="[^"]*#wrench"/>', page)
    for wrong in ({"icon": "javascript:"}, {"color": "pink"}, {"description": "x" * 501}):
        refused = await ana.post(f"{address}/rename", data={**about, **wrong})
        assert refused.status_code == 422
        assert "Our tools" in refused.text
    await ana.post(f"{address}/rename", data={"collection_name": "Tools"})
    assert "In the &lt;b&gt;shed" in (await ana.get(address)).text, "what a form does not have stays"


@pytest.mark.alike
@pytest.mark.parametrize("kind", [name for name, kind in FIELD_KINDS.items() if not kind.is_typed])
async def test_the_page_of_a_field_that_nobody_types_has_neither_default_nor_filling(
    ana: httpx.AsyncClient, kind: str
) -> None:
    address, title, ref = await make_tools(ana, f"Tools {kind}", label="Pictures", kind=kind)
    await add(ana, address, **{title: "Axe"})
    other = {"label": "Others", "kind": kind}
    for more, said in (({"default": "a.txt"}, "its values are not typed"), ({"required": "yes"}, "it is never empty")):
        answer = await ana.post(f"{address}/fields", data={**other, **more})
        assert (said in unescape(answer.text)) == (answer.status_code == 422) == ("default" in more or kind != "files")
    await change(ana, address, ref, {"required": "yes"}, 303 if kind == "files" else 422)
    page = (await ana.get(f"{address}/fields/{ref}")).text
    assert 'name="default"' not in page
    assert f"/fields/{ref}/fill" not in page
    assert ('name="required"' in page) == (kind == "files"), "nobody lacks what the program writes"
    await change(ana, address, ref, {"label": "Shots"})
    assert "Shots" in (await ana.get(f"{address}/fields")).text
    refused = await ana.post(f"{address}/fields/{ref}/fill", data={ref: "1 p a.jpg"})
    assert refused.status_code == 422


async def test_a_field_that_is_removed_twice_at_once_is_in_the_bin(ana: httpx.AsyncClient, server: Server) -> None:
    address, _, note = await make_tools(ana, **NOTE)
    removing = {"data": {"action": "remove"}}
    answers = [await ana.post(f"{address}/fields/{note}", **removing) for _ in range(2)]
    assert [answer.headers.get("location") for answer in answers] == [f"{address}/fields?done=field-removed"] * 2
    assert len(server.store.rows("SELECT 1 FROM audit_entry WHERE what = 'field.removed'")) == 1
    assert (await ana.post(f"{address}/fields/f9999", **removing)).status_code == 404


@pytest.mark.alike
@pytest.mark.parametrize("kind", [name for name, kind in FIELD_KINDS.items() if kind.is_typed])
async def test_the_page_of_any_field_is_there_though_records_have_nothing_in_it(
    ana: httpx.AsyncClient, kind: str
) -> None:
    more = {"choices": "Good\nBad", "currency": "BRL", "several": "yes"}
    address, title, ref = await make_tools(ana, f"Tools {kind}", label="It", kind=kind, **more)
    await add(ana, address, **{title: "Axe"})
    page = await ana.get(f"{address}/fields/{ref}")
    assert page.status_code == 200
    assert (f"/fields/{ref}/fill" in page.text) == (not FIELD_KINDS[kind].shows_none)
    for typed in ("", "?"):
        refused = await ana.post(f"{address}/fields/{ref}/fill", data={ref: typed})
        assert refused.status_code == (303 if typed and kind in ("text", "long_text") else 422)


@pytest.mark.parametrize(("count", "toasts"), [(3, 3), (7, 1)])
async def test_who_is_told_of_many_records_that_are_filled_sees_it_once(
    ana: httpx.AsyncClient, server: Server, count: int, toasts: int
) -> None:
    address, title, note = await make_tools(ana, **NOTE)
    for number in range(count):
        await add(ana, address, **{title: f"Axe {number}"})
    ((cursor,),) = server.store.rows("SELECT cursor FROM tenant WHERE id = 1")
    assert (await ana.post(f"{address}/fields/{note}/fill", data={note: "Sharp"})).status_code == 303
    pushed = server.store.rows("SELECT body FROM event WHERE channel = 'user.2' AND cursor > ?", cursor)
    shown = "".join(body for (body,) in pushed)
    assert shown.count("<page-toast") == toasts
    assert ("changed 7 records in" in shown) == (count == 7)
    assert f'data-unread="{toasts}"' in shown


@pytest.mark.usefixtures("server")
async def test_money_begins_with_the_currency_of_the_country_and_then_with_the_last_used(
    ana: httpx.AsyncClient,
) -> None:
    address, _, note = await make_tools(ana, **NOTE)

    async def find_suggested(path: str) -> list[str]:
        return re.findall(r'<input[^>]*name="currency"[^>]*value="(\w*)"', (await ana.get(path)).text)

    about = {"name": "Acme", "session_days": "30"}
    for language, locale, currency in (("en", "", ""), ("pt_BR", "", "BRL"), ("en", "de_CH", "CHF")):
        assert (await ana.post("/settings", data={**about, "language": language, "locale": locale})).status_code == 303
        for path in (f"{address}/fields", f"{address}/fields/{note}/kind"):
            assert await find_suggested(path) == [currency]
    for currency in ("EUR", "SEK"):
        field = {"label": f"In {currency}", "kind": "money", "currency": currency}
        assert (await ana.post(f"{address}/fields", data=field)).status_code == 303
    assert await find_suggested(f"{address}/fields") == ["SEK"]
    assert await find_suggested("/c/books/fields") == ["SEK"]
    refused = await ana.post(f"{address}/fields", data={"label": "None", "kind": "money", "currency": ""})
    assert refused.status_code == 422
    assert re.search(r'name="currency"[^>]*value=""', refused.text), "what was taken out stays so"
    page = (await ana.get(f"{address}/fields/{note}/kind?kind=money")).text
    assert 'name="currency"' in page
    assert "three letters of a currency" not in page


async def test_many_records_are_filled_by_one_press_and_others_write_meanwhile(
    ana: httpx.AsyncClient, davi: httpx.AsyncClient, server: Server
) -> None:
    address, _, note = await make_tools(ana, **NOTE)
    lines = "\n".join(f"Tool {number}" for number in range(400))
    assert (await ana.post(f"{address}/import", data={"table": f"Title\n{lines}", "seen": ""})).status_code == 303
    await ana.post(f"{address}/fields/{note}", data={"label": "Note"})  # which is unique no more
    filling = asyncio.create_task(ana.post(f"{address}/fields/{note}/fill", data={note: "Sharp"}))
    while not filling.done():
        assert (await davi.post("/c/books/new", data={"f1": "Meanwhile"})).status_code == 303
    assert (await filling).headers["location"].endswith("?done=filled")
    assert "value in it" not in (await ana.get(f"{address}/fields/{note}")).text
    records = "SELECT id FROM record WHERE collection_id = (SELECT max(id) FROM collection)"
    filled = f"SELECT made_at FROM revision WHERE what = 'changed' AND record_id IN ({records})"
    assert len(server.store.rows(filled)) == 400
    between = f"made_at > ({filled} ORDER BY made_at LIMIT 1) AND made_at < ({filled} ORDER BY made_at DESC LIMIT 1)"
    assert server.store.rows(f"SELECT 1 FROM revision WHERE what = 'created' AND {between}"), "nobody waits for all"


async def test_who_edits_a_record_in_another_tab_is_told_that_it_is_they(
    ana: httpx.AsyncClient, server: Server
) -> None:
    await ana.get("/c/books/1/edit")
    async with server.let_in("acme", "bruno@acme.test") as bruno:
        for person, told, other in ((ana, "You are editing this in another tab or browser.", "Ana has been editing"),
                                    (bruno, "Ana has been editing this since", "in another tab")):  # fmt: skip
            refused = await person.post("/c/books/1/delete", data={"version": "1"})
            assert refused.status_code == 409
            assert told in refused.text
            assert other not in refused.text.partition("<main")[2]


async def test_who_lets_records_be_named_by_another_field_is_told_and_can_undo_it(ana: httpx.AsyncClient) -> None:
    address, first, second = await make_tools(ana, label="Place", kind="text")
    await add(ana, address, **{first: "Drill", second: "Shelf 3"})
    assert "The first field is the name of each record." in (await ana.get(f"{address}/fields")).text
    asked = unescape((await ana.get(f"{address}/fields/{first}/remove")).text)
    assert "Records will be named by “Place”." in asked
    assert "named by" not in (await ana.get(f"{address}/fields/{second}/remove")).text

    moved = await ana.post(f"{address}/fields/{second}", data={"to-place": "0"})
    undo = re.fullmatch(rf"{address}/fields\?undo=(\d+)", moved.headers["location"])
    assert undo
    assert "Records are now named by “Place”." in (await ana.get(moved.headers["location"])).text
    assert "<title>Shelf 3 " in (await ana.get(f"{address}/1")).text
    assert (await ana.post(f"/undo/{undo[1]}")).headers["location"] == f"{address}/fields"
    assert "<title>Drill " in (await ana.get(f"{address}/1")).text

    dragged = {"action": "place", "place": "1"}
    shown = await ana.post(f"{address}/fields/{first}", data=dragged, headers={"x-page": "yes"})
    assert (shown.status_code, "named by “Place”" in shown.text) == (200, True)
    again = await ana.post(f"{address}/fields/{second}", data={"action": "down"})
    late = again.headers["location"].partition("undo=")[2]
    await ana.post(f"{address}/fields/{second}", data={"action": "up"})
    assert (await ana.post(f"/undo/{late}")).status_code == 409, "others have moved since"


async def test_an_order_of_fields_that_was_changed_since_is_not_undone(server: Server, ana: httpx.AsyncClient) -> None:
    address, _, place = await make_tools(ana, label="Place", kind="text")
    assert (await ana.post(f"{address}/fields", data={"label": "Size", "kind": "text"})).status_code == 303
    size = re.findall(r'href="[^"]*/fields/(f\d+)#', (await ana.get(f"{address}/fields")).text)[-1]
    changes: dict[str, tuple[str, dict[str, str]]] = {
        "moves another one": (f"{address}/fields/{size}", {"to-place": "1"}),
        "removes another one": (f"{address}/fields/{size}", {"action": "remove"}),
        "restores it": (f"{address}/fields/{size}/restore", {}),
        "changes what it is": (f"{address}/fields/{place}/kind", {"kind": "long_text"}),
    }
    async with server.let_in("acme", "bruno@acme.test") as bruno:
        for what, (path, data) in changes.items():
            moved = await ana.post(f"{address}/fields/{place}", data={"to-place": "0"})
            offer = moved.headers["location"].partition("undo=")[2]
            assert (await bruno.post(path, data=data)).status_code == 303, what
            refused = await ana.post(f"/undo/{offer}")
            assert refused.status_code == 409, what
            assert "has changed since" in refused.text, "it is no more offered"
            await ana.post(f"{address}/fields/{place}", data={"to-place": "1"})


async def test_who_moves_a_field_over_another_order_is_shown_both_first(ana: httpx.AsyncClient) -> None:
    address, name, place = await make_tools(ana, label="Place", kind="text")
    for label in ("Size", "Price"):
        assert (await ana.post(f"{address}/fields", data={"label": label, "kind": "text"})).status_code == 303
    page = (await ana.get(f"{address}/fields")).text
    seen = re.findall(r'name="seen-order" value="([^"]*)"', page)[0]
    refs = seen.split()
    assert refs[:2] == [name, place]
    size, price = refs[2:]

    async def order() -> list[str]:
        return re.findall(r'data-address="[^"]*/(f\d+)"', (await ana.get(f"{address}/fields")).text)

    async def move(ref: str, to: int, seen: str, status: int = 303) -> httpx.Response:
        answer = await ana.post(f"{address}/fields/{ref}", data={"to-place": str(to), "seen-order": seen})
        assert answer.status_code == status, answer.text
        return answer

    for _ in range(2):  # its answer was lost
        await move(price, 1, seen)
    assert await order() == [name, price, place, size]
    shown = unescape((await move(size, 1, seen, 409)).text)
    assert await order() == [name, price, place, size], "nothing is moved before both were shown"
    assert "Moved in the meantime: Price." in shown
    sides = [re.findall(r"<li>(?:<b>)?([^<]*)", side) for side in re.findall(r"<td><ol>(.*?)</ol></td>", shown)]
    assert sides == [["Title", "Size", "Place", "Price"], ["Title", "Price", "Place", "Size"]]
    now, where = re.findall(
        r'name="seen-order" value="([^"]*)">\s*<button class="btn primary" name="to-place" value="(\d+)"', shown
    )[0]
    await move(size, int(where), now)
    assert await order() == [name, size, price, place], "behind what it was to be behind"


async def test_a_field_that_came_or_went_meanwhile_keeps_nobody_from_moving_another(ana: httpx.AsyncClient) -> None:
    address, name, place = await make_tools(ana, label="Place", kind="text")
    for label in ("Size", "Price"):
        assert (await ana.post(f"{address}/fields", data={"label": label, "kind": "text"})).status_code == 303
    seen = re.findall(r'name="seen-order" value="([^"]*)"', (await ana.get(f"{address}/fields")).text)[0]
    size, price = seen.split()[2:]
    await ana.post(f"{address}/fields/{place}", data={"action": "remove"})
    assert (await ana.post(f"{address}/fields", data={"label": "Colour", "kind": "text"})).status_code == 303
    dragged = {"action": "place", "place": "1", "seen-order": seen}
    assert (await ana.post(f"{address}/fields/{price}", data=dragged, headers={"x-page": "yes"})).status_code == 204
    refs = re.findall(r'data-address="[^"]*/(f\d+)"', (await ana.get(f"{address}/fields")).text)
    assert refs.index(price) == refs.index(name) + 1
    assert (place in refs, refs.index(size)) == (False, refs.index(price) + 1)


async def test_no_in_a_table_is_said_before_it_is_imported(ana: httpx.AsyncClient) -> None:
    address, *_ = await make_tools(ana, label="Lent", kind="yes_no")
    shown = await ana.post(f"{address}/import", data={"preview": "yes", "table": "Title;Lent\nDrill;No\nSaw;Yes"})
    said = re.sub(r"<[^>]+>|\s+", " ", shown.text)
    assert "Drill · Lent: No" in re.sub(" +", " ", said)
    assert "Saw · Lent: Yes" in re.sub(" +", " ", said)
