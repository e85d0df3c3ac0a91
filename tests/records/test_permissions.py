"""Who may do what in a collection: every role under every kind of permissions, by every way in.

The matrix is made of `ROLES`, `RULES` and `WAYS`: a new way in is one function, and a line of what it takes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, aclosing
from dataclasses import dataclass
from html import unescape
from typing import Literal

import httpx
import pytest
from msgspec.structs import replace
from sqlalchemy import select

from app.accounts.members import Member, Role, add_member, find_member
from app.accounts.quick_switcher import Sought
from app.chat.discussions import enter_discussion
from app.chat.memberships import add_membership, find_visible
from app.chat.messages import Message
from app.chat.posting import post_message
from app.chat.rooms import GENERAL, Room
from app.chat.search import search_messages
from app.chat.timeline import show_message, show_messages
from app.database import Database, Transaction
from app.demo import PASSWORD
from app.live.channels import list_allowed
from app.notifications.inbox import read_inbox
from app.notifications.mails import write_mail
from app.notifications.models import Notification
from app.notifications.notifications import notify
from app.records.adding import create_record
from app.records.collections import Collection, get_collection
from app.records.destinations import find_record_destinations
from app.records.granting import admit_guests
from app.records.permissions import EVERYTHING, NOTHING, ONLY_READING, READING, Permissions, write_permissions
from app.records.records import Record
from tests.conftest import Server
from tests.programs.conftest import API, add_token, call_with
from tests.sessions import act_as, sign_in
from tests.test_isolation import SETTINGS

ACME = 1
# Who is tried: by name, with their role, and whether the books were opened to them if they are guests.
PEOPLE: dict[str, tuple[Role, bool]] = {
    "olga": ("owner", False),
    "ada": ("admin", False),
    "mia": ("member", False),
    "vera": ("viewer", False),
    "gus": ("guest", True),
    "gil": ("guest", False),
}
LED_TO = replace(READING, browse=False)
RULES = {
    "nothing": NOTHING,
    "led to": LED_TO,
    "reading": READING,
    "adding": replace(READING, add=True),
    "own": replace(EVERYTHING, edit="own", delete="own"),
    "no deleting": replace(EVERYTHING, delete="none"),
    "everything": EVERYTHING,
}


@dataclass(frozen=True)
class Case:
    """Somebody, and what the books say of their role."""

    name: str
    rule: str

    @property
    def role(self) -> Role:
        return PEOPLE[self.name][0]

    @property
    def permitted(self) -> Permissions:
        """What they should be able to do: said anew here, and not asked of the program."""
        if self.role in ("owner", "admin"):
            return EVERYTHING
        if self.role == "guest" and not PEOPLE[self.name][1]:
            return NOTHING
        return RULES[self.rule]


def has_rule(role: str, permissions: Permissions) -> bool:
    """Whether a role is tried with a rule: viewers can be given no more than reading, and of owners and admins a
    collection says nothing, so that it is the one that leaves the others least."""
    if role in ("owner", "admin"):
        return permissions == NOTHING
    return role not in ONLY_READING or permissions in (NOTHING, LED_TO, READING)


CASES = [
    Case(name, rule)
    for name, (role, _) in PEOPLE.items()
    for rule, permissions in RULES.items()
    if has_rule(role, permissions)
]


def takes(permitted: Permissions, need: str) -> bool:
    """Whether somebody who is permitted so much may do what takes this."""
    whose: Literal["own", "all"] = "own" if need.endswith(" own") else "all"
    verb = need.removesuffix(" own")
    if verb == "import":
        return permitted.browse and permitted.add
    if verb in ("edit", "delete"):
        return getattr(permitted, verb) == "all" or (whose == "own" and getattr(permitted, verb) == "own")
    return bool(getattr(permitted, verb))


def rules_for(rule: str) -> Mapping[str, Permissions]:
    """The rule for every role that can have it."""
    permissions = RULES[rule]
    viewers = permissions if permissions in (NOTHING, LED_TO, READING) else READING
    return {"member": permissions, "guest": permissions, "viewer": viewers}


# --- operations and what is read beside pages, in one transaction that is undone -----------------------------------


@dataclass
class Scene:
    """The books with a record of another's and one of the actor's own, a room and a discussion that speak of it."""

    transaction: Transaction
    actor: Member
    books: Collection
    record: Record
    message: Message
    discussion: Room
    said: Message


Try = Callable[[Scene], Awaitable[bool]]
WAYS: dict[str, tuple[str, Try]] = {}


def way(name: str, need: str) -> Callable[[Try], Try]:
    """Register a way in, and what it takes."""

    def add(attempt: Try) -> Try:
        WAYS[name] = need, attempt
        return attempt

    return add


@way("channel of the list", "browse")
async def follow_list(scene: Scene) -> bool:
    return bool(await list_allowed(scene.transaction, scene.actor, [f"collection.{scene.books.id}"]))


@way("channel of its count", "browse")
async def follow_count(scene: Scene) -> bool:
    return bool(await list_allowed(scene.transaction, scene.actor, [f"count.{scene.books.id}"]))


@way("channel of a record", "read")
async def follow_record(scene: Scene) -> bool:
    return bool(await list_allowed(scene.transaction, scene.actor, [f"record.{scene.record.id}"]))


@way("channels of a discussion", "read")
async def follow_discussion(scene: Scene) -> bool:
    wanted = [f"room.{scene.discussion.id}", f"news.{scene.discussion.id}"]
    found = await list_allowed(scene.transaction, scene.actor, wanted)
    assert len(found) in (0, 2)
    return bool(found)


@way("discussion, and its files", "read")
async def see_discussion(scene: Scene) -> bool:
    return await find_visible(scene.transaction, scene.actor, scene.discussion.id) is not None


@way("search of messages", "read")
async def search(scene: Scene) -> bool:
    return bool(await search_messages(scene.transaction, scene.actor, "whispered"))


@way("quick switcher", "browse")
async def switch(scene: Scene) -> bool:
    return bool(await find_record_destinations(scene.transaction, scene.actor, Sought("secret treatise")))


@way("card in a room", "read")
async def see_card(scene: Scene) -> bool:
    (shown,) = await show_messages(scene.transaction, [scene.message], viewer=scene.actor)
    return bool(shown.cards) and shown.cards[0].told


@way("notification", "read")
async def be_told(scene: Scene) -> bool:
    inbox = await read_inbox(scene.transaction, scene.actor)
    return any(group.place.title == "Secret treatise" for group in inbox.groups)


@way("mail that waits", "read")
async def be_mailed(scene: Scene) -> bool:
    wanted = select(Notification.id).where(
        Notification.member_id == scene.actor.id, Notification.subject_id == scene.record.id
    )
    ids = list(await scene.transaction.scalars(wanted))
    assert ids
    payload = {"member": scene.actor.id, "notifications": ids}
    return await write_mail(scene.transaction, SETTINGS, payload) is not None


async def arrange(transaction: Transaction, case: Case) -> Scene:
    """Put it all there. What was told was told when the actor could still read it."""
    for name, (role, _) in PEOPLE.items():
        await add_member(transaction, email=f"{name}@acme.test", name=name.title(), role=role, password_hash="x")
    actor = await find_member(transaction, f"{case.name}@acme.test")
    ana = await sign_in(transaction, "ana")
    assert actor
    books = await get_collection(transaction, "books")
    if PEOPLE[case.name][1]:
        await admit_guests(transaction, books, ana, [actor])
    record = await create_record(transaction, books, {"title": "Secret treatise"}, ana)
    general = (await transaction.scalars(select(Room).where(Room.slug == GENERAL))).one()
    text = f"See #{record.number}"
    message, _ = await post_message(transaction, general, ana, key="card", text=text, origin="")
    discussion = await enter_discussion(transaction, ana, f"record-{record.id}")
    said, _ = await post_message(transaction, discussion, ana, key="said", text="A whispered word", origin="")
    subject = ("record", record.id)
    await notify(transaction, kind="record-followed", subject=subject, to=[actor.id], details={"fields": "Title"})
    await write_permissions(transaction, books.id, rules_for(case.rule))
    await act_as(transaction, actor)
    return Scene(transaction, actor, books, record, message, discussion, said)


class Undone(Exception):
    """What was tried is not kept."""


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name} ({case.role}), {case.rule}")
async def test_what_is_followed_found_shown_and_told_is_what_the_collection_says(
    database: Database, case: Case
) -> None:
    with pytest.raises(Undone):
        async with database.write(ACME) as transaction:
            scene = await arrange(transaction, case)
            for name, (need, attempt) in WAYS.items():
                assert await attempt(scene) == takes(case.permitted, need), f"{name} takes {need}"
            raise Undone


async def test_a_card_is_pushed_where_everybody_in_the_room_may_read_it_and_otherwise_a_place_for_it(
    database: Database,
) -> None:
    for rule, told in (("everything", True), ("nothing", False)):
        with pytest.raises(Undone):
            async with database.write(ACME) as transaction:
                scene = await arrange(transaction, Case("mia", rule))
                shown = await show_message(transaction, scene.message)
                assert [card.told for card in shown.cards] == [told]
                raise Undone


async def test_in_a_room_with_a_guest_no_card_is_pushed(database: Database) -> None:
    with pytest.raises(Undone):
        async with database.write(ACME) as transaction:
            scene = await arrange(transaction, Case("gus", "everything"))
            general = await transaction.get_one(Room, scene.message.room_id)
            await add_membership(transaction, general, scene.actor)
            shown = await show_message(transaction, scene.message)
            assert [card.told for card in shown.cards] == [False]
            raise Undone


# --- pages and forms, asked of the program ---------------------------------------------------------------------------


@dataclass(frozen=True)
class Asked:
    """A page or a form, and what it takes. `own`: of a record that one has added oneself."""

    method: str
    path: str
    need: str
    form: dict[str, str] | None = None
    answers: tuple[int, ...] = (200, 204, 303, 409, 422, 429)  # exports are counted


ASKED = [
    Asked("GET", "/c/books", "browse"),
    Asked("GET", "/c/books?q=secret", "browse"),
    Asked("GET", "/c/books/export.csv", "browse"),
    Asked("GET", "/c/books/export.json", "browse"),
    Asked("GET", "/c/books/export.xlsx", "browse"),
    Asked("GET", "/c/books/bin", "browse"),
    Asked("GET", "/c/books/columns", "browse"),
    Asked("POST", "/c/books/columns", "browse", {"all": "yes"}),
    Asked("GET", "/c/books/{other}", "read"),
    Asked("GET", "/records/{other}", "read"),
    Asked("GET", "/discussion/record-{other_id}", "read"),
    Asked("GET", "/cards/record-{other_id}", "read", answers=(200,)),
    Asked("POST", "/follow/record-{other_id}", "read"),
    Asked("GET", "/c/books/new", "add"),
    Asked("GET", "/c/books/new?copy={other}", "add"),
    Asked("POST", "/c/books/new", "add", {"title": ""}),
    Asked("POST", "/c/books/new/draft", "add", {"title": "Typed"}),
    Asked("GET", "/c/books/import", "import"),
    Asked("POST", "/c/books/import", "import", {"table": "Title\nAnother"}),
    *(
        asked
        for whose, need in (("other", ""), ("own", " own"))
        for asked in (
            Asked("GET", f"/c/books/{{{whose}}}/edit", f"edit{need}"),
            Asked("POST", f"/c/books/{{{whose}}}/edit", f"edit{need}", {"title": "", "version": "1"}),
            Asked("POST", f"/c/books/{{{whose}}}/draft", f"edit{need}", {"title": "Typed", "version": "1"}),
            Asked("POST", f"/c/books/{{{whose}}}/lock/renew", f"edit{need}", {"version": "1"}),
            Asked("POST", f"/c/books/{{{whose}}}/lock/ask", f"edit{need}", {}),
            Asked("POST", f"/c/books/{{{whose}}}/lock/take-over", f"edit{need}", {}),
            Asked("POST", f"/c/books/{{{whose}}}/queue/stay", f"edit{need}", {}),
            Asked("POST", f"/c/books/{{{whose}}}/revisions/1/restore", f"edit{need}", {"version": "9"}),
            Asked("POST", f"/c/books/{{{whose}}}/delete", f"delete{need}", {"version": "9"}),
            Asked("POST", f"/c/books/{{{whose}}}/restore", f"delete{need}", {"version": "9"}),
        )
    ),
]


@pytest.fixture(scope="module")
async def people(shared_server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    server = shared_server
    async with AsyncExitStack() as stack:
        found = {"ana": await stack.enter_async_context(aclosing(server.let_in("acme", "ana@acme.test")))}
        for name, (role, _) in PEOPLE.items():
            words = (f"{name}@acme.test", "--name", name.title(), "--role", role, "--password", PASSWORD)
            assert server.run("member", "add", "acme", *words).returncode == 0
            found[name] = await stack.enter_async_context(aclosing(server.let_in("acme", f"{name}@acme.test")))
        admitted = ",".join(f"{name}@acme.test" for name, (_, inside) in PEOPLE.items() if inside)
        assert (await found["ana"].post("/c/books/guests", data={"person": admitted})).status_code == 303
        yield found


def form_of(permissions: Mapping[str, Permissions]) -> dict[str, str]:
    """The table as an admin sends it."""
    form = {}
    for role, each in permissions.items():
        form |= {f"{role}-{verb}": "yes" for verb in ("browse", "read", "add") if getattr(each, verb)}
        form |= {f"{role}-{verb}": getattr(each, verb) for verb in ("edit", "delete")}
    return form


async def add_own(server: Server, ana: httpx.AsyncClient, client: httpx.AsyncClient, name: str) -> int:
    """The number of a record that somebody has added, by a role that may, as far as theirs can."""
    server.store.rows(f"UPDATE member SET role = 'member' WHERE email = '{name}@acme.test'")
    role = PEOPLE[name][0]
    try:
        made = await client.post("/c/books/new", data={"title": f"Of {name}"})
        assert made.status_code == 303, made.text
    finally:
        server.store.rows(f"UPDATE member SET role = '{role}' WHERE email = '{name}@acme.test'")
    return int(made.headers["location"].rpartition("/")[2])


@pytest.mark.alike
@pytest.mark.parametrize("name", PEOPLE)
async def test_pages_and_forms_are_for_those_of_whom_the_collection_says_so(
    shared_server: Server, people: dict[str, httpx.AsyncClient], name: str
) -> None:
    ana, client = people["ana"], people[name]
    everything = form_of(rules_for("everything"))
    await ana.post("/c/books/permissions", data=everything)
    own = await add_own(shared_server, ana, client, name)
    other = 7
    (other_id,) = shared_server.store.rows(f"SELECT id FROM record WHERE number = {other} AND tenant_id = 1")[0]
    values = {"own": own, "other": other, "other_id": other_id}
    for case in (each for each in CASES if each.name == name):
        said = await ana.post("/c/books/permissions", data=form_of(rules_for(case.rule)))
        assert said.status_code == 303
        for asked in ASKED:
            path = asked.path.format(**values)
            answer = await client.request(asked.method, path, data=asked.form)
            allowed = takes(case.permitted, asked.need)
            refused = 403 if case.permitted.read else 404
            wanted = asked.answers if allowed else (refused,)
            assert answer.status_code in wanted, f"{case.rule}: {asked.method} {path} takes {asked.need}"
            if allowed and "{own}" in asked.path:  # else it has no lock
                await client.post(f"/c/books/{own}/lock/release", data={})
        listed = (await client.get("/")).text
        assert ("/c/books" in listed) == case.permitted.browse, f"{case.rule}: the start lists it"
        history = (await client.get(f"/c/books/{other}")).text
        assert ("history-heading" in history) == case.permitted.read, f"{case.rule}: history"
        shown = (await client.get(f"/c/books/{own}")).text
        verbs = [verb for verb in ("edit", "delete") if takes(case.permitted, f"{verb} own")]
        verbs = ["add", *verbs] if takes(case.permitted, "add") else verbs
        assert (f'data-may="{" ".join(verbs)}"' in shown) == case.permitted.read, f"{case.rule}: what the page offers"
    await ana.post("/c/books/permissions", data=everything)


async def test_the_place_of_a_card_stays_empty_where_there_is_nothing_for_its_reader(
    shared_server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    ana = people["ana"]
    await ana.post("/c/books/permissions", data=form_of(rules_for("nothing")))
    assert (await ana.post("/c/books/new", data={"title": "Not to be seen"})).status_code == 303
    (record_id,) = shared_server.store.rows("SELECT max(id) FROM record WHERE tenant_id = 1")[0]
    async with aclosing(shared_server.let_in("globex", "gil@globex.test")) as gil:
        refused = [people[name] for name, (role, _) in PEOPLE.items() if role not in ("owner", "admin")]
        for client, wanted in [(ana, record_id + 1000), *((client, record_id) for client in (gil, *refused))]:
            assert (await client.get(f"/cards/record-{wanted}")).status_code == 404
            answer = await client.get(f"/cards/record-{wanted}?place=yes")
            empty = f'<span class="record-card-place" data-card="record-{wanted}" data-refused></span>'
            assert (answer.status_code, answer.text.strip()) == (200, empty)
    shown = await ana.get(f"/cards/record-{record_id}?place=yes")
    assert (shown.status_code, "Not to be seen" in shown.text) == (200, True)
    await ana.post("/c/books/permissions", data=form_of(rules_for("everything")))


async def test_of_several_records_those_are_deleted_that_one_may_delete(
    shared_server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    ana, mia = people["ana"], people["mia"]
    await ana.post("/c/books/permissions", data=form_of(rules_for("own")))
    own = await add_own(shared_server, ana, mia, "mia")
    answer = await mia.post("/c/books/delete", data={"record": [f"{own}:1", "8:1"]})
    assert answer.status_code == 409
    assert "but not delete or restore it" in answer.text
    gone = shared_server.store.rows(f"SELECT number FROM record WHERE number IN ({own}, 8) AND deleted_at IS NOT NULL")
    assert gone == [(own,)]


async def test_a_line_of_a_table_that_changes_what_one_may_not_edit_is_left(
    shared_server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    await people["ana"].post("/c/books/permissions", data=form_of(rules_for("own")))
    answer = await people["mia"].post("/c/books/import", data={"table": "#;Title\n8;Changed"})
    assert answer.status_code == 422
    assert "but not change it" in answer.text


async def test_without_a_session_and_from_another_workspace_nothing_is_said_of_permissions(
    shared_server: Server,
) -> None:
    async with aclosing(shared_server.client("acme")) as nobody:
        assert (await nobody.get("/c/books/permissions")).status_code == 303
        assert (await nobody.post("/c/books/permissions", data={})).headers["location"].startswith("/login")
    async with aclosing(shared_server.let_in("globex", "gil@globex.test")) as gil:
        ids = shared_server.store.rows("SELECT id FROM member WHERE tenant_id = 1 ORDER BY id LIMIT 1")
        answer = await gil.post("/c/books/guests", data={"person": f"#{ids[0][0]}"})
        assert answer.status_code == 404
        answer = await gil.post("/c/books/guests/remove", data={"person": str(ids[0][0])})
        assert answer.status_code == 404


async def test_who_may_not_browse_sees_no_bin_by_a_restoring_that_is_refused(
    shared_server: Server, people: dict[str, httpx.AsyncClient]
) -> None:
    ana, mia = people["ana"], people["mia"]
    await ana.post("/c/books/permissions", data=form_of(rules_for("everything")))
    for title in ("Old", "Not to be seen"):
        made = await ana.post("/c/books/new", data={"title": title, "isbn": "978-0-306-40615-7"})
        assert made.status_code == 303, made.text
        address = made.headers["location"]
        await ana.post(f"{address}/delete", data={"version": "1"})
    assert (await ana.post("/c/books/new", data={"title": "New", "isbn": "978-0-306-40615-7"})).status_code == 303
    number = int(address.rpartition("/")[2]) - 1
    for rule, sees in ((EVERYTHING, True), (replace(EVERYTHING, browse=False), False)):
        await ana.post("/c/books/permissions", data=form_of({**rules_for("everything"), "member": rule}))
        refused = await mia.post(f"/c/books/{number}/restore", data={"version": "2"})
        assert refused.status_code == 422
        assert "already has this value." in unescape(refused.text)
        assert ("Not to be seen" in refused.text) == sees
    await ana.post("/c/books/permissions", data=form_of(rules_for("everything")))


async def test_who_may_add_and_not_browse_is_told_so_of_imports_and_gets_no_count(server: Server) -> None:
    async with (
        aclosing(server.let_in("acme", "ana@acme.test")) as ana,
        aclosing(server.let_in("acme", "carla@acme.test")) as carla,
    ):
        form = {"member-read": "yes", "member-add": "yes", "member-edit": "all", "member-delete": "all"}
        assert (await ana.post("/c/books/permissions", data=form)).status_code == 303
        refused = await carla.get("/c/books/import")
        assert refused.status_code == 403
        assert "permission to add records to this collection and to browse it" in unescape(refused.text)
        assert (await carla.get("/c/books/new")).status_code == 200
    for email, total in (("carla@acme.test", None), ("ana@acme.test", 42)):
        _, secret = add_token(server, "acme", email)
        async with aclosing(call_with(server, "acme", secret)) as program:
            assert (await program.get(f"{API}/collections/books")).json()["total"] == total
