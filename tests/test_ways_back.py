"""Every act has its way back, or a reason for having none: docs/security.md says which, for every route."""

from __future__ import annotations

import inspect
import json
import re

import httpx
import pytest
from litestar.routes import HTTPRoute

from app.accounts.undo import UNDO_KINDS
from app.web.templates import APP
from tests.conftest import ROOT, Server
from tests.test_isolation import list_routes

WAYS = {"asks", "undo", "asks itself", "none"}


def read_table() -> dict[str, str]:
    """The way back of each act, by its route."""
    text = (ROOT / "docs/security.md").read_text().partition("## Ways back")[2].partition("## ")[0]
    rows = re.findall(r"^\| (`/.*?) \| ([^|]+) \| [^|]+ \|$", text, re.MULTILINE)
    return {path: way.strip() for paths, way in rows for path in re.findall(r"`(/[^`]*)`", paths)}


def list_acts() -> dict[str, str]:
    """The source of what answers posts, by its path."""
    return {
        route.path: inspect.getsource(route.route_handler_map["POST"][0].fn)
        for route in list_routes()
        if isinstance(route, HTTPRoute) and "POST" in route.methods
    }


def list_questions() -> set[str]:
    """The addresses of pages that ask first."""
    return {
        route.path
        for route in list_routes()
        if isinstance(route, HTTPRoute) and any("asks" in handler.opt for handler in route.route_handlers)
    }


def test_every_act_is_known_with_its_way_back() -> None:
    acts, ways = list_acts(), read_table()
    assert set(ways.values()) == WAYS
    assert acts.keys() - ways.keys() == set(), "a new route: give it a row under 'Ways back' in docs/security.md"
    assert ways.keys() - acts.keys() == set(), "a route that is not there any more"


def test_what_asks_has_a_page_and_what_can_be_undone_offers_it() -> None:
    asking = {path.removesuffix("/remove") if "/fields/" in path else path for path in list_questions()}
    assert asking == {path for path, way in read_table().items() if way == "asks"}
    offering = {path for path, source in list_acts().items() if re.search(r"await offer_\w+\(", source)}
    assert offering == {path for path, way in read_table().items() if way == "undo"}


@pytest.mark.parametrize("path", sorted(list_questions()))
def test_pages_lead_to_what_asks_by_a_link_that_looks_like_it(path: str) -> None:
    address = re.escape(path)
    address = re.sub(r"\\\{(\w+):\w+\\\}", r"\\{\\{ [\\w.]+ \\}\\}", address)
    links = [
        link
        for template in (APP / "templates").rglob("*.html")
        for link in re.findall(rf'<a [^>]*href="{address}"[^>]*>', template.read_text())
    ]
    assert links
    assert all("data-ask-first" in link and "btn danger" in link for link in links), links


@pytest.fixture
def asked_server(shared_server: Server) -> Server:
    return shared_server


def undo_in(page: str) -> str:
    """The address that the page's offer is posted to."""
    found = re.search(r'<undo-offer .*?action="(/undo/\d+)"', page, re.DOTALL)
    assert found, page
    return found[1]


def form_in(page: str) -> dict[str, str]:
    """What the form of a question holds."""
    form = page.partition('<form class="form"')[2].partition("</form>")[0]
    return dict(re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', form))


async def follow(client: httpx.AsyncClient, answer: httpx.Response) -> str:
    """The page that an act leads to."""
    assert answer.status_code == 303, answer.text
    return (await client.get(answer.headers["location"])).text


async def make_room(client: httpx.AsyncClient, name: str, **form: str) -> str:
    made = await client.post("/chat/new", data={"name": name, **form})
    return str(made.headers["location"])


async def test_a_question_says_what_and_to_how_many_and_asks_for_the_password_on_the_same_page(
    shared_server: Server, ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    await ana.post("/c/books/fields", data={"label": "Price", "kind": "decimal"})
    for title in ("One", "Two"):
        await ana.post("/c/books/new", data={"title": title, "price": "3"})
    page = (await ana.get("/c/books/fields/price/remove")).text
    assert "Removes the field Price from Books, and its values in 2 records." in page
    assert (await carla.get("/c/books/fields/price/remove")).status_code == 403
    page = (await ana.get("/members/3/remove")).text
    assert "Carla" in page
    assert 'name="password-again"' not in page
    shared_server.store.rows("UPDATE session SET password_at = '2026-01-01 00:00:00+00'")
    assert 'name="password-again"' not in (await ana.get("/c/books/fields/price/remove")).text, "it can be restored"
    asked = (await ana.get("/members/3/remove")).text
    assert 'name="password-again"' in asked
    wrong = await ana.post("/members/3/remove", data={"password-again": "not hers"})
    assert wrong.status_code == 422
    assert "Carla" in wrong.text
    assert "Wrong password." in wrong.text


async def test_what_would_do_something_else_by_now_is_asked_again(ana: httpx.AsyncClient) -> None:
    await ana.post("/c/books/fields", data={"label": "Weight", "kind": "decimal"})
    await ana.post("/c/books/new", data={"title": "Three", "weight": "3"})
    asked = form_in((await ana.get("/c/books/fields/weight/remove")).text)
    await ana.post("/c/books/new", data={"title": "Four", "weight": "3"})
    changed = await ana.post("/c/books/fields/weight", data=asked)
    assert changed.status_code == 409
    assert "Something has changed since you were asked." in changed.text
    assert "its values in 2 records" in changed.text
    removed = await ana.post("/c/books/fields/weight", data=form_in(changed.text))
    assert removed.status_code == 303


async def test_nobody_is_asked_about_what_can_not_happen(ana: httpx.AsyncClient) -> None:
    asked = form_in((await ana.get("/members/4/suspend")).text)
    await ana.post("/members/4/suspend")
    late = await ana.post("/members/4/suspend", data=asked)
    assert late.status_code == 409
    assert "What you typed" not in late.text, "nothing was typed"
    for path in ("/members/4/owner", "/members/4/suspend"):
        asked = await ana.get(path)
        assert asked.status_code == 409
        assert "suspended" in asked.text
    await ana.post("/members/4/restore")


@pytest.mark.parametrize("path", ["/members/1/owner", "/members/1/suspend", "/members/4/remove"])
async def test_who_may_not_do_it_is_not_asked(carla: httpx.AsyncClient, path: str) -> None:
    assert (await carla.get(path)).status_code == 403


async def test_an_archived_room_is_listed_and_opened_again(ana: httpx.AsyncClient, carla: httpx.AsyncClient) -> None:
    room, hidden = await make_room(ana, "Attic"), await make_room(ana, "Cellar", private="yes")
    for address in (room, hidden):
        offered = undo_in(await follow(ana, await ana.post(f"{address}/archive", data={"archived": "yes"})))
    mine, theirs = (await ana.get("/archived-rooms")).text, (await carla.get("/archived-rooms")).text
    assert f'href="{room}"' in mine
    assert f'href="{hidden}"' in mine
    assert f'action="{room}/archive"' in mine
    assert f'href="{room}"' in theirs
    assert f'action="{room}/archive"' not in theirs, "only who may open it is offered that"
    assert hidden not in theirs
    assert (await carla.post(offered)).status_code == 404, "another's offer"
    assert (await ana.post(offered)).headers["location"] == hidden
    assert f'action="{hidden}/archive"' not in (await ana.get("/archived-rooms")).text
    twice = await ana.post(offered)
    assert twice.status_code == 409
    assert "It was already undone" in twice.text


async def test_undo_is_refused_in_words_when_things_have_changed(shared_server: Server, ana: httpx.AsyncClient) -> None:
    room = await make_room(ana, "Turned")
    offered = undo_in(await follow(ana, await ana.post(f"{room}/archive", data={"archived": "yes"})))
    await ana.post(f"{room}/archive", data={})
    refused = await ana.post(offered)
    assert refused.status_code == 409
    assert "The room has already been reopened." in refused.text
    late = undo_in(await follow(ana, await ana.post(f"{room}/archive", data={"archived": "yes"})))
    shared_server.store.rows("UPDATE undo_offer SET made_at = '2026-01-01 00:00:00+00'")
    assert "more than 10 minutes ago" in (await ana.post(late)).text


async def test_who_left_a_private_room_is_back_in_it_as_before(
    shared_server: Server, ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    room = await make_room(ana, "Inner", private="yes")
    await ana.post(f"{room}/invite", data={"person": "#3"})
    await carla.post(f"{room}/notify", data={"notify": "mentions"})
    left = undo_in(await follow(carla, await carla.post(f"{room}/leave")))
    assert (await carla.get(room)).status_code == 404
    assert (await carla.post(left)).headers["location"] == room
    page = (await carla.get(f"{room}/about")).text
    assert re.search(r'value="mentions" checked', page)
    removed = undo_in(await follow(ana, await ana.post(f"{room}/remove", data={"person": "3"})))
    assert (await carla.get(room)).status_code == 404
    assert (await ana.post(removed)).status_code == 303
    assert (await carla.get(room)).status_code == 200


async def test_a_deleted_message_comes_back_with_all_that_belonged_to_it(
    shared_server: Server, ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    room = await make_room(ana, "Words")
    brought = await ana.post(f"{room}/files", files={"file": ("list.txt", b"a list")})
    file = re.search(r'name="file" value="(\d+)"|data-file="(\d+)"|/files/(\d+)', brought.text)
    assert file
    file_id = next(filter(None, file.groups()))
    said = {"text": "@Carla, see #1", "key": "words-1", "file": file_id}
    assert (await ana.post(room, data=said)).status_code == 303
    await ana.post(f"{room}/messages/1/edit", data={"text": "@Carla, look at #1"})
    await carla.post(f"{room}/messages/1/react", data={"emoji": "👍"})
    tables = ("mention", "record_reference", "reaction", "message_revision", "notification")

    def counts() -> list[int]:
        return [int(shared_server.store.rows(f"SELECT count(*) FROM {table}")[0][0]) for table in tables]

    before = counts()
    page = await follow(ana, await ana.post(f"{room}/messages/1/delete"))
    assert "look at" not in page
    assert counts() != before
    assert (await carla.get(f"/files/{file_id}")).status_code == 404, "its files are nobody's meanwhile"
    assert (await ana.post(undo_in(page))).headers["location"] == f"{room}?at=1"
    shown = (await carla.get(room)).text
    assert "look at" in shown
    assert "list.txt" in shown
    assert "👍" in shown
    assert counts() == before
    assert (await carla.get(f"/files/{file_id}")).text == "a list"
    assert room in (await carla.get("/chat/search?q=look")).text


async def test_records_a_role_reading_and_a_draft_are_taken_back(ana: httpx.AsyncClient) -> None:
    made = [(await ana.post("/c/books/new", data={"title": f"Short {n}"})).headers["location"] for n in (1, 2)]
    numbers = [re.search(r"(\d+)(?:\?|$)", address)[1] for address in made]  # type: ignore[index]
    page = await follow(ana, await ana.post("/c/books/delete", data={"record": [f"{n}:1" for n in numbers]}))
    assert "2 records are in the trash" in page
    assert (await ana.post(undo_in(page))).status_code == 303
    page = await follow(ana, await ana.post(f"/c/books/{numbers[0]}/delete", data={"version": "3"}))
    await ana.post(f"/c/books/{numbers[0]}/restore", data={"version": "4"})
    refused = await ana.post(undo_in(page))
    assert refused.status_code == 409
    assert "It was already undone" in refused.text, "restoring it has ended the offer"
    page = await follow(ana, await ana.post("/members/3/role", data={"role": "admin"}))
    assert (await ana.post(undo_in(page))).headers["location"] == "/members/3"
    assert re.search(r'<option value="member" selected', (await ana.get("/members/3")).text)
    await ana.post("/c/books/new/draft", data={"title": "Begun", "draft-version": "0"})
    page = await follow(ana, await ana.post("/c/books/new/draft/discard"))
    assert 'value="Begun"' not in page
    assert 'value="Begun"' in await follow(ana, await ana.post(undo_in(page)))
    earlier = await follow(ana, await ana.post("/c/books/new/draft/discard"))
    seen = re.search(r'name="draft-version" value="(\d+)"', earlier)
    assert seen
    await ana.post("/c/books/new/draft", data={"title": "Begun again", "draft-version": seen[1]})
    page = await follow(ana, await ana.post("/c/books/new/draft/discard"))
    assert (await ana.post(undo_in(earlier))).status_code == 409, "it is not the one that was discarded last"
    assert 'value="Begun again"' in await follow(ana, await ana.post(undo_in(page)))
    address = f"/c/books/{numbers[1]}"
    opened = (await ana.get(f"{address}/edit", headers={"sec-fetch-site": "same-origin"})).text
    token = re.search(r'name="lock-token" value="(\d+-[0-9a-f]{32})"', opened)
    assert token
    typed = {"title": "Typed and not saved", "version": "3", "lock-token": token[1]}
    await ana.post(f"{address}/lock/release", data=typed)
    page = await follow(ana, await ana.post(f"{address}/draft/discard"))
    assert "You have unsaved changes" not in page
    assert "You have unsaved changes" in await follow(ana, await ana.post(undo_in(page)))


async def test_what_was_typed_in_a_box_is_taken_back_unless_something_was_typed_since(
    shared_server: Server, ana: httpx.AsyncClient
) -> None:
    room = await make_room(ana, "Typed into")
    (record,) = shared_server.store.rows("SELECT id FROM record WHERE tenant_id = 1 AND number = 12")[0]
    for path, shown in ((room, room), (f"/discussion/record-{record}", "/c/books/12")):
        draft = {"text": "Half a thought", "key": f"typed {record}"}
        await ana.post(f"{path}/draft", data=draft)
        page = await follow(ana, await ana.post(f"{path}/draft/discard"))
        assert "Half a thought" not in page
        assert ">Half a thought</textarea>" in await follow(ana, await ana.post(undo_in(page)))
        earlier = await follow(ana, await ana.post(f"{path}/draft/discard"))
        await ana.post(f"{path}/draft", data={**draft, "text": "Another one"})
        assert (await ana.post(undo_in(earlier))).status_code == 409
        assert ">Another one</textarea>" in (await ana.get(shown)).text
        await ana.post(f"{path}/draft/discard")
        assert (await ana.post(f"{path}/draft/discard")).headers["location"] == shown, "there is nothing any more"


async def test_who_may_only_read_by_now_has_no_discarded_draft_back(
    shared_server: Server, ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    await carla.post("/c/books/new/draft", data={"title": "Begun", "draft-version": "0"})
    offered = [await follow(carla, await carla.post("/c/books/new/draft/discard"))]
    opened = (await carla.get("/c/books/4/edit", headers={"sec-fetch-site": "same-origin"})).text
    form = dict(re.findall(r'<input type="hidden" name="(version|lock-token)" value="([^"]+)"', opened))
    await carla.post("/c/books/4/lock/release", data={**form, "title": "Typed and not saved"})
    offered.append(await follow(carla, await carla.post("/c/books/4/draft/discard")))
    kept = ('SELECT kind, row_id, "values" FROM draft WHERE member_id = 3 ORDER BY kind',)
    before = shared_server.store.rows_of(kept)
    assert (await ana.post("/members/3/role", data={"role": "viewer"})).status_code == 303
    for page in offered:
        assert (await carla.post(undo_in(page))).status_code == 403
    assert shared_server.store.rows_of(kept) == before
    shared_server.store.rows("UPDATE member SET role = 'member' WHERE id = 3")


async def test_what_somebody_has_decided_since_is_not_taken_back_though_it_looks_as_before(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    room = await make_room(ana, "Come and go", private="yes")
    await ana.post(f"{room}/invite", data={"person": "#3"})
    left = await follow(carla, await carla.post(f"{room}/leave"))
    await ana.post(f"{room}/invite", data={"person": "#3"})
    removed = await follow(ana, await ana.post(f"{room}/remove", data={"person": "3"}))
    assert (await carla.post(undo_in(left))).status_code == 409
    assert (await carla.get(room)).status_code == 404
    await ana.post(f"{room}/invite", data={"person": "#3"})
    await carla.post(f"{room}/leave")
    assert (await ana.post(undo_in(removed))).status_code == 409
    assert (await carla.get(room)).status_code == 404
    archived = await follow(ana, await ana.post(f"{room}/archive", data={"archived": "yes"}))
    await ana.post(f"{room}/archive")
    await ana.post(f"{room}/archive", data={"archived": "yes"})
    assert (await ana.post(undo_in(archived))).status_code == 409
    given = await follow(ana, await ana.post("/members/3/role", data={"role": "admin"}))
    for role in ("member", "admin"):
        await ana.post("/members/3/role", data={"role": role})
    assert (await ana.post(undo_in(given))).status_code == 409
    taken = await ana.post("/members/3/role", data={"role": "member"})
    assert "undo=" not in taken.headers["location"], "giving rights asks for the password"


async def test_who_is_no_admin_any_more_brings_back_no_message_of_another(
    ana: httpx.AsyncClient, bruno: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    posted = await carla.post("/chat/general", data={"text": "Mine", "key": "mine"}, headers={"x-page": "1"})
    number = posted.json()["number"]
    page = await follow(bruno, await bruno.post(f"/chat/general/messages/{number}/delete"))
    await ana.post("/members/2/role", data={"role": "member"})
    assert (await bruno.post(undo_in(page))).status_code == 403
    await ana.post("/members/2/role", data={"role": "admin"})
    assert (await bruno.post(undo_in(page))).status_code == 303


async def test_what_was_done_is_said_with_whom_and_what(
    shared_server: Server, ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    room = await make_room(ana, "Named", private="yes")
    page = await follow(ana, await ana.post(f"{room}/invite", data={"person": ["#3", "#4"]}))
    assert "Now in the room: Carla, Davi." in page
    assert "You are no longer in Named." in await follow(carla, await carla.post(f"{room}/leave"))
    removed = await follow(ana, await ana.post(f"{room}/remove", data={"person": "4"}))
    assert "Davi is no longer in the room." in removed
    archived = await follow(ana, await ana.post(f"{room}/archive", data={"archived": "yes"}))
    assert "Named is archived. You can still read it" in archived
    posted = await carla.post("/chat/general", data={"text": "Hers", "key": "named-2"}, headers={"x-page": "1"})
    deleted = await ana.post(f"/chat/general/messages/{posted.json()['number']}/delete")
    assert "The message from Carla was deleted." in await follow(ana, deleted)
    number = (await ana.post("/c/books/new", data={"title": "Named book"})).headers["location"].split("/")[-1]
    deleted = await ana.post(f"/c/books/{number.partition('?')[0]}/delete", data={"version": "1"})
    assert "Named book is in the trash" in await follow(ana, deleted)
    for role, said in (("admin", "Davi is now an admin."), ("member", "Davi is now a member.")):
        page = await follow(ana, await ana.post("/members/4/role", data={"role": role}))
        assert said in page
        assert ("/undo/" in page) == (role == "admin")
    for act, said in (("suspend", "Davi is suspended."), ("restore", "Davi has access again.")):
        assert said in await follow(ana, await ana.post(f"/members/4/{act}"))
    await ana.post("/members/links", data={"role": "member", "uses": "1", "days": "1"})
    invitations = r"/members/invitations/(\d+)/revoke"
    link = re.search(invitations, (await ana.get("/members")).text)
    assert link
    assert "The invitation no longer works." in await follow(ana, await ana.post(link[0]))
    # An address that somebody has made up names nobody of another workspace.
    for about in ("9999999", "x", "6", "", "9" * 400):
        page = (await carla.get("/members", params={"done": "member-suspended", "about": about})).text
        assert "Suspended." in page, about
    assert "Davi is suspended." in (await carla.get("/members?done=member-suspended&about=4")).text


async def test_a_page_that_asks_says_about_whom_and_what(
    shared_server: Server, ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    await ana.post("/c/books/fields", data={"label": "Shelf", "kind": "text"})
    assert "Remove the field Shelf from Books?" in (await ana.get("/c/books/fields/shelf/remove")).text
    shared_server.store.rows("UPDATE session SET password_at = '2026-01-01 00:00:00+00'")
    for address, form, asked in (
        ("/members/3/role", {"role": "admin"}, "Make Carla an admin?"),
        ("/members/3/role", {"role": "owner"}, "Make Carla an owner?"),
        ("/members/invitations", {"role": "admin", "email": "eva@example.org"}, "Invite eva@example.org as an admin?"),
        ("/members/links", {"role": "admin", "uses": "1", "days": "1"}, "Create a link for admins?"),
    ):
        page = await ana.post(address, data=form)
        assert page.status_code == 403
        assert f">{asked}</h1>" in page.text
        assert 'name="password-again"' in page.text
        assert asked not in (await carla.post(address, data=form)).text, "who may not is asked nothing"


async def test_what_was_marked_as_read_at_once_is_unread_again(
    ana: httpx.AsyncClient, carla: httpx.AsyncClient
) -> None:
    room = await make_room(ana, "Told")
    await ana.post(room, data={"text": "@Carla", "key": "told-1"})
    unread = re.compile(r'data-unread="(\d+)"')
    inbox = (await carla.get("/notifications")).text
    until = re.search(r'name="until" value="(\d+)"', inbox)
    count = unread.search(inbox)
    assert until
    assert count
    assert int(count[1]) > 0
    page = await follow(carla, await carla.post("/notifications/read-all", data={"until": until[1]}))
    assert 'data-unread="0"' in page
    assert "/notifications/read-all" not in page, "there is nothing to be marked"
    assert f'data-unread="{count[1]}"' in await follow(carla, await carla.post(undo_in(page)))


@pytest.mark.parametrize(("before", "after"), [("activity_id", "happening_id"), ("member_id", "former_id")])
async def test_what_another_version_has_kept_otherwise_is_not_put_back_and_that_is_said(
    shared_server: Server, ana: httpx.AsyncClient, before: str, after: str
) -> None:
    room = await make_room(ana, f"Kept with {before}")
    await ana.post(room, data={"text": "@Carla, come", "key": f"kept-{before}"})
    address = undo_in(await follow(ana, await ana.post(f"{room}/messages/1/delete")))
    ((state,),) = shared_server.store.rows("SELECT state FROM undo_offer WHERE id = ?", int(address.split("/")[-1]))
    kept = state if isinstance(state, str) else json.dumps(state)
    assert before in kept
    shared_server.store.rows(
        "UPDATE undo_offer SET state = ? WHERE id = ?", kept.replace(before, after), int(address.split("/")[-1])
    )
    answer = await ana.post(address)
    assert answer.status_code == 409
    assert "The program has been updated since." in answer.text
    assert "Deleted by Ana" in (await ana.get(room)).text, "nothing of it was put back"


def test_every_kind_of_undo_is_tried_above() -> None:
    tried = {"room.archived", "room.left", "room.member-removed", "message.deleted", "records.deleted"}
    tried |= {"draft.discarded", "new-draft.discarded", "message-draft.discarded"}
    assert tried | {"member.role", "notifications.read", "fields.ordered"} == UNDO_KINDS.keys()
