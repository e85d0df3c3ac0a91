"""Who may do what: the table in docs/security.md, tried cell by cell by the operations and pages themselves."""

from __future__ import annotations

import ast
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import httpx
import pytest
from litestar.exceptions import NotFoundException
from msgspec.structs import replace
from sqlalchemy import select

import app.features  # noqa: F401  the rules hold by it
from app.accounts.members import Member, add_member, find_member
from app.accounts.quick_switcher import Sought
from app.accounts.rights import ONLY_ADMINS, ONLY_MEMBERS, ONLY_WRITERS, RIGHTS, Right, install, may, require
from app.chat import memberships
from app.chat.memberships import find_visible
from app.chat.message_changes import delete_message, edit_message, list_revisions
from app.chat.messages import Message
from app.chat.new_rooms import create_room
from app.chat.pins import pin_message
from app.chat.posting import post_message
from app.chat.rights import NOT_IN_THIS_ROOM
from app.chat.room_changes import archive_room, change_room
from app.chat.rooms import GENERAL, Room, RoomAccess
from app.database import Database, Transaction, now
from app.demo import PASSWORD
from app.editing import locks
from app.editing.rights import LockOf
from app.live.channels import list_allowed
from app.notifications.announcements import Announcement, announce
from app.notifications.kinds import NOTIFICATION_KINDS
from app.notifications.preferences import list_choices
from app.records.access import CollectionAccess, RecordAccess, enter_collection
from app.records.adding import create_record
from app.records.changes import change_record
from app.records.collections import Collection, get_collection
from app.records.deleting import delete_record
from app.records.destinations import find_record_destinations
from app.records.exports import open_export
from app.records.fields import Field, list_fields
from app.records.forms import open_record
from app.records.permissions import EVERYTHING, CollectionGuest, write_permissions
from app.records.records import Record, get_record
from app.tenants.invitations import Invitation, make_link, revoke_invitation
from app.tenants.members import hand_over_ownership, keep_an_owner, list_members, suspend_member
from app.tenants.pictures import change_bot_picture
from app.tenants.roles import GivenRole
from app.web.errors import PageError
from app.web.forms import Invalid
from tests.conftest import Server
from tests.sessions import act_as

ACME = 1
ROOT = Path(__file__).parent.parent.parent
PEOPLE = {"guest": "gus", "viewer": "vera", "member": "carla", "admin": "bruno", "owner": "ana"}
# Those whom the demo has not.
ADDED = ("guest", "viewer")
ROW = re.compile(r"^\| ([^|]+) \| ([^|]+) \|" + r" (yes|no) \|" * 5 + "$", re.M)


def read_table() -> list[tuple[str, str, str, bool]]:
    """Verb, thing, role and whether that role may, of each cell."""
    text = (ROOT / "docs/security.md").read_text().partition("## Who may do what")[2].partition("\n## ")[0]
    rows = [(verb, thing, cells) for verb, thing, *cells in ROW.findall(text)]
    return [
        (verb, thing, role, cell == "yes")
        for verb, thing, cells in rows
        for role, cell in zip(PEOPLE, cells, strict=True)
    ]


class Undone(Exception):
    """What was tried is not kept."""


async def find(transaction: Transaction, name: str) -> Member:
    found = await find_member(transaction, f"{name}@acme.test")
    assert found
    return found


Attempt = Callable[[Transaction, Member], Awaitable[bool | None]]
# How a cell is tried; the answer is whether it was possible, where nothing is refused with a page.
ATTEMPTS: dict[tuple[str, str], Attempt] = {}


def attempts(verb: str, *things: str) -> Callable[[Any], Any]:
    """Say how the cells of a verb and some things are tried; the attempt is told the thing."""

    def add(attempt: Any) -> Any:
        for thing in things:
            ATTEMPTS[verb, thing] = partial(attempt, thing=thing)
        return attempt

    return add


def role_in(thing: str) -> str:
    """The last role that a thing is called by."""
    return re.findall("guest|viewer|member|admin|owner", thing)[-1]


PLAIN, OPENED = "a collection", "a collection that was opened to guests"


async def books_for(transaction: Transaction, actor: Member, thing: str) -> Collection:
    books = await get_collection(transaction, "books")
    if thing == OPENED:
        transaction.add(CollectionGuest(collection_id=books.id, member_id=actor.id))
        await transaction.flush()
    return books


@attempts("export", PLAIN, OPENED)
async def export(transaction: Transaction, actor: Member, thing: str) -> None:
    await books_for(transaction, actor, thing)
    await open_export(transaction, actor, "books", "", "", "")


@attempts("browse", PLAIN, OPENED)
async def browse(transaction: Transaction, actor: Member, thing: str) -> bool:
    books = await books_for(transaction, actor, thing)
    found = await find_record_destinations(transaction, actor, Sought("casmurro"))
    followed = await list_allowed(transaction, actor, [f"collection.{books.id}"])
    assert bool(found) == bool(followed), "channels ask the same"
    await enter_collection(transaction, actor, "books")
    return bool(found)


@attempts("read", PLAIN, OPENED)
async def read_within(transaction: Transaction, actor: Member, thing: str) -> bool:
    books = await books_for(transaction, actor, thing)
    record = await get_record(transaction, books, 40)
    return bool(await list_allowed(transaction, actor, [f"record.{record.id}"]))


@attempts("read", "a record")
async def read(transaction: Transaction, actor: Member, thing: str) -> None:
    await open_record(transaction, actor, "books", 40)


@attempts("read the bin of", PLAIN, OPENED)
async def read_bin(transaction: Transaction, actor: Member, thing: str) -> None:
    await books_for(transaction, actor, thing)
    await enter_collection(transaction, actor, "books", "read the bin of")


@attempts("add to", PLAIN)
async def add(transaction: Transaction, actor: Member, thing: str) -> None:
    await create_record(transaction, await get_collection(transaction, "books"), {"title": "A new one"}, actor)


@attempts("import into", PLAIN)
async def import_into(transaction: Transaction, actor: Member, thing: str) -> None:
    await enter_collection(transaction, actor, "books", "import into")


@attempts("delete from", PLAIN)
async def delete_from(transaction: Transaction, actor: Member, thing: str) -> None:
    await enter_collection(transaction, actor, "books", "delete from")


OWN = "a record where one may do so with one's own"


async def another_ones_record(transaction: Transaction, actor: Member, thing: str) -> tuple[Collection, Record]:
    books = await get_collection(transaction, "books")
    davi = await find(transaction, "davi")
    record = await create_record(transaction, books, {"title": "Another's"}, davi)
    if thing == OWN:
        permissions = replace(EVERYTHING, edit="own", delete="own")
        await write_permissions(transaction, books.id, {"member": permissions})
    return books, record


@attempts("edit", "a record", OWN)
async def edit(transaction: Transaction, actor: Member, thing: str) -> None:
    books, record = await another_ones_record(transaction, actor, thing)
    await change_record(transaction, books, record, {"title": "Changed"}, actor, version=record.version)


@attempts("change", "a field", "a field that is read-only for members and guests")
async def change_value(transaction: Transaction, actor: Member, thing: str) -> bool:
    books, record = await another_ones_record(transaction, actor, thing)
    if "read-only" in thing:
        (await list_fields(transaction, books))[0].read_only_for = ["member", "guest"]
    try:
        await change_record(transaction, books, record, {"title": "Changed"}, actor, version=record.version)
    except Invalid:
        return False
    return True


@attempts("delete", "a record", OWN)
async def delete_one(transaction: Transaction, actor: Member, thing: str) -> None:
    books, record = await another_ones_record(transaction, actor, thing)
    await delete_record(transaction, books, record, actor, version=record.version)


@attempts("follow", "tenant")
async def follow_all(transaction: Transaction, actor: Member, thing: str) -> bool:
    followed = await list_allowed(transaction, actor, ["tenant", "guests"])
    assert len(followed) == 1
    return followed == ["tenant"]


@attempts("see", "everybody")
async def see_everybody(transaction: Transaction, actor: Member, thing: str) -> bool:
    return {"Davi", "Bruno"} <= {person.name for person in (await list_members(transaction, actor)).items}


@attempts("write", "messages")
async def write_message(transaction: Transaction, actor: Member, thing: str) -> None:
    await post(transaction, actor, "own", like="themself")


@attempts("make", "rooms")
async def make(transaction: Transaction, actor: Member, thing: str) -> None:
    await create_room(transaction, actor, name="Rights")


@attempts("write", "announcements")
async def write(transaction: Transaction, actor: Member, thing: str) -> None:
    await announce(transaction, actor, title="Closed", text="On Monday", acknowledge=False, ends_at=None)


@attempts("be told", "a kind for everybody", "a kind for who is no guest", "a kind for admins")
async def be_told(transaction: Transaction, actor: Member, thing: str) -> bool:
    rank = {"everybody": "guest", "guest": "viewer", "admins": "admin"}[thing.split()[-1]]
    wanted = {kind.name for kind in NOTIFICATION_KINDS.values() if kind.role == rank}
    listed = {kind.name for kind, _ in await list_choices(transaction, actor)}
    assert wanted
    assert wanted <= listed or not wanted & listed
    return wanted <= listed


ALL_ROLES = ("a guest", "a viewer", "a member", "an admin", "an owner")


@attempts("change", *(f"an invitation to be {role}" for role in ALL_ROLES))
async def change_invitation(transaction: Transaction, actor: Member, thing: str) -> None:
    invitation, _ = await make_link(transaction, await find(transaction, "ana"), role_in(thing), 1, 7)
    await revoke_invitation(transaction, actor, invitation)


@attempts("give", *(f"the role of {role}" for role in ALL_ROLES))
async def give(transaction: Transaction, actor: Member, thing: str) -> None:
    await make_link(transaction, actor, role_in(thing), 1, 7)


@attempts("manage", "a member", "an admin", "an owner", "oneself")
async def manage(transaction: Transaction, actor: Member, thing: str) -> None:
    person = actor if thing == "oneself" else await find(transaction, "davi")
    if person is not actor:
        person.role = role_in(thing)
    await suspend_member(transaction, person, actor)


@attempts("picture", "a bot", "a member")
async def picture(transaction: Transaction, actor: Member, thing: str) -> None:
    person = await find(transaction, "davi")
    person.bot = thing == "a bot"
    await change_bot_picture(transaction, actor, person, None, Path())


@attempts("hand over to", "a member", "oneself")
async def hand_over(transaction: Transaction, actor: Member, thing: str) -> None:
    await hand_over_ownership(transaction, actor, actor if thing == "oneself" else await find(transaction, "davi"))


@attempts("own", "workspace")
async def own(transaction: Transaction, actor: Member, thing: str) -> bool:
    try:
        await keep_an_owner(transaction, actor)
    except Invalid:
        return True  # there is no other
    return False


@attempts("follow", "admins")
async def follow(transaction: Transaction, actor: Member, thing: str) -> bool:
    return "admins" in await list_allowed(transaction, actor, ["tenant", "admins"])


async def post(transaction: Transaction, actor: Member, thing: str, *, like: str = "a member") -> Message:
    """A message in the general room: of the actor's own, what they wrote as a member, say."""
    author = actor if "own" in thing else await find(transaction, "davi")
    general = (await transaction.scalars(select(Room).where(Room.slug == GENERAL))).one()
    if await memberships.find_membership(transaction, general, actor) is None:
        await memberships.add_membership(transaction, general, actor)
    role, author.role = author.role, author.role if like == "themself" else "member"
    message, _ = await post_message(transaction, general, author, key="rights", text="Hello", origin="")
    author.role = role
    return message


@attempts("delete", "a message of one's own", "another's message")
async def delete(transaction: Transaction, actor: Member, thing: str) -> None:
    await delete_message(transaction, await post(transaction, actor, thing), actor)


@attempts("read revisions of", "a message of one's own", "another's message")
async def read_revisions(transaction: Transaction, actor: Member, thing: str) -> None:
    await list_revisions(transaction, await post(transaction, actor, thing), actor)


@attempts("change", "a message of one's own", "another's message")
async def change_message(transaction: Transaction, actor: Member, thing: str) -> None:
    await edit_message(transaction, await post(transaction, actor, thing), actor, text="Hello again", origin="")


async def room_of(transaction: Transaction, actor: Member, thing: str) -> Room:
    if thing == "the general room":
        return (await transaction.scalars(select(Room).where(Room.slug == GENERAL))).one()
    davi = await find(transaction, "davi")
    room = await create_room(transaction, davi, name="Rights", private="private" in thing)
    if "is in" in thing or "brought" in thing:
        await memberships.invite(transaction, room, davi, actor)
    if thing == "a direct room":
        room.kind = "direct"
    return room


INSIDE, OUTSIDE = "a private room that one is in", "a private room that one is not in"


@attempts("see", "a public room", "a public room that one was brought into", INSIDE, OUTSIDE)
async def see(transaction: Transaction, actor: Member, thing: str) -> bool:
    room = await room_of(transaction, actor, thing)
    allowed = await find_visible(transaction, actor, room.id) is not None
    followed = await list_allowed(transaction, actor, [f"room.{room.id}"])
    assert bool(followed) == allowed, "channels ask the same"
    return allowed


@attempts("enter", "a public room", OUTSIDE)
async def enter(transaction: Transaction, actor: Member, thing: str) -> None:
    await memberships.join(transaction, await room_of(transaction, actor, thing), actor)


@attempts("change", "a public room", INSIDE)
async def change(transaction: Transaction, actor: Member, thing: str) -> None:
    room = await room_of(transaction, actor, thing)
    await change_room(transaction, room, actor, name="Another name", description="")


@attempts("invite to", "a public room", INSIDE)
async def invite(transaction: Transaction, actor: Member, thing: str) -> None:
    person = await find(transaction, "ana" if actor.name != "Ana" else "carla")
    await memberships.invite(transaction, await room_of(transaction, actor, thing), actor, person)


@attempts("pin in", "a public room", INSIDE)
async def pin(transaction: Transaction, actor: Member, thing: str) -> None:
    room = await room_of(transaction, actor, thing)
    message = Message(room_id=room.id, number=1, member_id=actor.id, key="to pin", text="x", html="x", plain="x")
    transaction.add(message)
    await transaction.flush()
    await pin_message(transaction, room, message, actor, on=True)


@attempts("leave", "a public room", "the general room", "a direct room")
async def leave(transaction: Transaction, actor: Member, thing: str) -> None:
    await memberships.leave(transaction, await room_of(transaction, actor, thing), actor)


@attempts("archive", "a room that one has made", "a room that another has made", "the general room", "a direct room")
async def archive(transaction: Transaction, actor: Member, thing: str) -> None:
    if thing == "the general room":
        room = (await transaction.scalars(select(Room).where(Room.slug == GENERAL))).one()
    else:
        maker = actor if "one" in thing else await find(transaction, "davi")
        room = await create_room(transaction, maker, name="Rights", private=False)
    if thing == "a direct room":
        room.kind = "direct"
    await archive_room(transaction, room, actor, archived=True)


@attempts("take over", *(f"the lock of {role}" for role in ("a member", "an admin", "an owner")))
async def take_over(transaction: Transaction, actor: Member, thing: str) -> bool:
    holder = await find(transaction, "davi")
    holder.role = role_in(thing)
    await transaction.flush()
    record = await get_record(transaction, await get_collection(transaction, "books"), 40)
    await act_as(transaction, holder)
    assert await locks.take_lock(transaction, record, holder, lease=30)
    await act_as(transaction, actor)
    return await locks.take_over(transaction, record, actor, lease=30) is not None


async def is_possible(database: Database, role: str, attempt: Attempt) -> bool:
    """Try it in a transaction that is undone."""
    possible = False
    try:
        async with database.write(ACME) as transaction:
            if role in ADDED:
                address = f"{PEOPLE[role]}@acme.test"
                await add_member(transaction, email=address, name=PEOPLE[role], role=role, password_hash="x")
            actor = await find(transaction, PEOPLE[role])
            await act_as(transaction, actor)
            try:
                possible = await attempt(transaction, actor) is not False
            except PageError as refusal:
                if refusal.status_code != 403:
                    raise
            except NotFoundException:
                possible = False  # what one may not even see is not there
            raise Undone
    except Undone:
        return possible


async def test_each_cell_of_the_table_is_what_the_operation_does(database: Database) -> None:
    tried = {(verb, thing) for verb, thing, _, _ in read_table()}
    assert tried == ATTEMPTS.keys() | PAGES.keys(), "each row is tried by an operation or a page"
    for verb, thing, role, allowed in read_table():
        if (verb, thing) in ATTEMPTS:
            assert await is_possible(database, role, ATTEMPTS[verb, thing]) == allowed, f"{role}: {verb} {thing}"


# What is asked of pages, and what they answer to whoever may.
PAGES: dict[tuple[str, str], list[tuple[str, str, int]]] = {
    ("manage", "collections"): [
        ("GET", "/collections/new", 200),
        ("POST", "/collections/new", 422),
        ("GET", "/c/books/fields", 200),
        ("POST", "/c/books/fields", 422),
        ("POST", "/c/books/rename", 422),
        ("GET", "/c/books/fields/title", 200),
    ],
    ("write", "announcements"): [("POST", "/announcements", 422)],
    ("invite", "members"): [
        ("GET", "/members/invitations", 200),
        ("POST", "/members/invitations", 422),
        ("POST", "/members/links", 422),
    ],
    ("confirm", "owner's address"): [("POST", "/account/confirm-mail", 303)],
    ("change", "settings"): [
        ("GET", "/settings", 200),
        ("POST", "/settings", 422),
        ("GET", "/settings/security", 200),
        ("POST", "/settings/security", 422),
        ("POST", "/settings/logo/remove", 303),
    ],
    ("read", "audit log"): [("GET", "/audit", 200)],
    ("end", "tokens"): [("GET", "/settings/tokens", 200), ("GET", "/settings/tokens/{token}/end", 200)],
    ("manage", "apps"): [("GET", "/settings/apps", 200), ("POST", "/settings/apps", 422)],
    ("manage", "webhooks"): [("GET", "/settings/webhooks", 200), ("POST", "/settings/webhooks", 422)],
    ("read", "an announcement"): [("GET", "/announcements/{open}", 200)],
    ("read", "an announcement that is over"): [("GET", "/announcements/{over}", 200)],
}


@pytest.fixture
async def people(server: Server) -> AsyncIterator[dict[str, httpx.AsyncClient]]:
    for role in ADDED:
        words = (f"{PEOPLE[role]}@acme.test", "--name", PEOPLE[role], "--role", role, "--password", PASSWORD)
        assert server.run("member", "add", "acme", *words).returncode == 0
    async with AsyncExitStack() as stack:
        yield {
            role: await stack.enter_async_context(aclosing(await server.sign_in("acme", f"{name}@acme.test")))
            for role, name in PEOPLE.items()
        }


async def test_each_cell_of_the_table_is_what_pages_do(people: dict[str, httpx.AsyncClient], server: Server) -> None:
    numbers = {}
    for name, days in (("open", None), ("over", -1)):
        made = await people["owner"].post("/announcements", data={"title": name, "text": "Said", "form-key": ""})
        assert made.status_code == 303
        numbers[name] = server.store.rows("SELECT max(id) FROM announcement")[0][0]
        if days:
            ended = (now() + timedelta(days=days)).strftime("%Y-%m-%d %H:%M:%S+00")
            server.store.rows(f"UPDATE announcement SET ends_at = '{ended}' WHERE id = {numbers[name]}")
    made = await people["owner"].post("/account/tokens", data={"name": "nightly", "scopes": "records:read"})
    assert made.status_code == 200
    numbers["token"] = server.store.rows("SELECT max(id) FROM token")[0][0]
    for verb, thing, role, allowed in read_table():
        for method, path, status in PAGES.get((verb, thing), ()):
            answer = await people[role].request(method, path.format(**numbers))
            refused = 404 if verb == "read" and "announcement" in thing else 403
            assert answer.status_code == (status if allowed else refused), f"{role}: {method} {path}"


def test_every_rule_is_in_the_table() -> None:
    shown = {verb for verb, *_ in read_table()}
    assert shown == {verb for verb, _ in RIGHTS}
    named = {thing for _, thing, *_ in read_table()}
    assert {kind for _, kind in RIGHTS if isinstance(kind, str)} <= named
    words = {Member: "member", Invitation: "invitation", GivenRole: "role", Message: "message", Room: "room"}
    words |= {
        LockOf: "lock",
        CollectionAccess: "collection",
        RecordAccess: "record",
        RoomAccess: "room",
        Announcement: "announcement",
        Field: "field",
        type(next(iter(NOTIFICATION_KINDS.values()))): "kind",
    }
    for verb, kind in RIGHTS:
        if not isinstance(kind, str):
            assert any(each == verb and words[kind] in thing for each, thing, *_ in read_table()), (verb, kind)


def test_two_rules_for_the_same_are_refused_and_without_a_rule_nothing_is_allowed() -> None:
    right = Right("write", "poems", lambda actor, thing: True, scope="chat:write")
    with pytest.raises(ValueError, match="two rules"):
        install([right], [right])
    with pytest.raises(LookupError):
        may(None, "write", "poems")


# What somebody in a room may not do there, and is told; of a message of their own, too.
IN_A_ROOM: list[tuple[str, str, str, str]] = [
    (role, verb, kind, told)
    for role in ("guest", "viewer")
    for verb, kind, told in (
        ("invite to", "private", ONLY_MEMBERS.message),
        ("change", "public", ONLY_MEMBERS.message),
        ("archive", "private", ONLY_MEMBERS.message),
        ("change", "direct", NOT_IN_THIS_ROOM.message),
        ("invite to", "discussion", NOT_IN_THIS_ROOM.message),
    )
]


@pytest.mark.parametrize(("role", "verb", "kind", "told"), IN_A_ROOM)
async def test_who_may_not_is_told_what_is_so(role: str, verb: str, kind: str, told: str) -> None:
    actor, room = Member(id=9, role=role), Room(kind=kind, slug="rights", created_by_id=9)
    with pytest.raises(PageError, match=told):
        require(actor, verb, room if verb == "archive" else RoomAccess(room, inside=True))


@pytest.mark.parametrize("verb", ["change", "delete"])
def test_a_viewer_is_told_of_their_own_messages_that_they_write_nothing(verb: str) -> None:
    with pytest.raises(PageError, match=ONLY_WRITERS.message):
        require(Member(id=9, role="viewer"), verb, Message(member_id=9))


@pytest.mark.parametrize("role", ["guest", "viewer", "member"])
def test_who_gives_no_role_is_not_told_which_ones_others_give(role: str) -> None:
    for verb, thing in (("give", GivenRole("guest")), ("change", Invitation(role="guest"))):
        with pytest.raises(PageError, match=ONLY_ADMINS.message):
            require(Member(id=9, role=role), verb, thing)


# What compares roles: the rules, and the texts and orders that show them.
COMPARING = {"accounts/rights.py"}
# Which role a form asks for, or a thing is meant for, is not who may.
ROLES = {"guest", "viewer", "member", "admin", "owner"}


def list_comparisons(tree: ast.AST) -> list[int]:
    """The lines in which a role is compared with one that is named, or looked up by its height."""
    found = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Compare):
            sides = [node.left, *node.comparators]
            is_role = any(isinstance(each, ast.Attribute) and each.attr == "role" for each in sides)
            named = any(isinstance(each, ast.Constant) and each.value in ROLES for each in ast.walk(node))
            if is_role and named:
                found.append(node.lineno)
        if isinstance(node, ast.Name) and node.id == "RANK":
            found.append(node.lineno)
    return found


def test_nothing_but_the_rules_compares_roles() -> None:
    for path in sorted((ROOT / "app").rglob("*.py")):
        name = path.relative_to(ROOT / "app").as_posix()
        if name not in COMPARING:
            assert not list_comparisons(ast.parse(path.read_text())), f"{name} says who may: ask `may`"
    for path in sorted((ROOT / "app/templates").rglob("*.html")):
        assert not re.search(r"has_rank|\.role [=!]= [\"']", path.read_text()), f"{path.name} says who may: ask `may`"


@pytest.mark.parametrize("line", ["member.role == 'owner'", "RANK[a] > RANK[b]", "person.role in ('admin', 'owner')"])
def test_a_comparison_of_roles_is_found(line: str) -> None:
    assert list_comparisons(ast.parse(line))
