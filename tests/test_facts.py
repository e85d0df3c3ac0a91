"""What is done is noted as a fact, and all that follows from it follows at the end of the write, in one place."""

from __future__ import annotations

import ast
import importlib
import json
import pkgutil
import re
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct
from sqlalchemy import func, select

import app
from app.accounts.audit import Audited, AuditEntry
from app.accounts.members import Member
from app.chat.facts import InRoom, RoomMade
from app.database import (
    Actor,
    Database,
    Fact,
    FactError,
    Follower,
    Followers,
    Partial,
    Showing,
    Shown,
    Tenant,
    Transaction,
)
from app.features import FOLLOWERS
from app.live.channels import PATTERNS
from app.live.log import append
from tests.conftest import Server
from tests.databases import Store

ACME = 1
APP = Path(app.__file__).parent
# The packages whose operations note facts. What is told, shown and audited there follows from them. Of what people are
# told, the modules that are excepted write it and read it: read marks are no facts.
NOTING: dict[str, set[str]] = {
    "records": set(),
    "editing": set(),
    "chat": set(),
    "accounts": set(),
    "tenants": set(),
    "operators": set(),
    "webhooks": set(),
    "notifications": {"notifications.py", "together.py", "withdrawals.py", "inbox.py"},
}
# What only followers call: who tells, shows or audits by themselves, or says whose sockets close.
FOLLOWED = {
    *("publish", "publish_partial", "make_partial", "refresh", "close_sockets", "stop_following", "follow_anew"),
    *("notify", "notify_all", "withdraw", "mail_at_last", "push_bells", "push_toasts"),
    *("push_rooms", "push_room", "push_insiders", "push_people"),
    *("AuditEntry", "OperatorEntry"),
}
# Where a package says what is told and shown of its facts.
FOLLOWING = {"lost_rights.py", "followers.py", "channels.py", "mark_channels.py", "notices.py", "pushes.py"}


class Baked(Fact, frozen=True, kw_only=True):
    """A cake is ready."""

    name: str


class Eaten(Fact, frozen=True, kw_only=True):
    """A cake is gone."""

    name: str


class Smell(Showing, Struct, frozen=True):
    """How it smells."""

    name: str


def import_everything() -> None:
    for module in pkgutil.walk_packages([str(APP)], "app."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)


def list_kinds(kind: type[Fact]) -> Iterator[type[Fact]]:
    for each in kind.__subclasses__():
        yield each
        yield from list_kinds(each)


def list_own_kinds() -> list[type[Fact]]:
    """The program's kinds of facts, without what `slots=True` has made anew."""
    import_everything()
    found = {each for each in list_kinds(Fact) if each.__module__.startswith("app.")}
    return sorted(
        (each for each in found if getattr(sys.modules[each.__module__], each.__name__) is each),
        key=lambda each: each.__name__,
    )


class Kitchen:
    """Followers that note who was given what."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.served: list[tuple[str, list[str]]] = []
        self.opened: list[Database] = []

    def follower(self, guest: str, *kinds: type[Fact], notes: tuple[type[Fact], ...] = ()) -> Follower:
        async def serve(transaction: Transaction, facts: Sequence[Any]) -> None:
            self.served.append((guest, [fact.name for fact in facts]))
            for kind in notes:
                transaction.note(kind(by=transaction.actor, name=f"by {guest}"))  # type: ignore[call-arg]

        return Follower(serve, kinds, notes)

    def shown(self, guest: str, *kinds: Any, notes: tuple[type[Showing], ...] = ()) -> Shown:
        """What notes when it reads, and when it renders."""

        async def read(transaction: Transaction, things: Sequence[Any]) -> list[str]:
            self.served.append((f"{guest} reads", [each.name for each in things]))
            for kind in notes:
                transaction.show(kind(f"by {guest}"))  # type: ignore[call-arg]
            return [each.name for each in things]

        def render(tenant: Tenant, names: list[str]) -> Iterator[Partial]:
            self.served.append((f"{guest} renders", names))
            for name in names:
                yield Partial("tenant", name)

        return Shown(render, kinds, read, notes)

    def open(self, *followers: Follower, shown: Sequence[Shown] = ()) -> Database:
        self.opened.append(Database(self.store.url, Followers(*followers, shown=shown, log=append)))
        return self.opened[-1]


@pytest.fixture
async def kitchen(store: Store) -> Any:
    made = Kitchen(store)
    yield made
    for database in made.opened:
        await database.close()


def bake(transaction: Transaction, name: str) -> None:
    transaction.note(Baked(by=transaction.actor, name=name))


async def test_each_follower_is_given_all_facts_of_its_kinds_at_once_in_the_order_of_the_list(kitchen: Kitchen) -> None:
    first = kitchen.follower("first", Baked, notes=(Eaten,))
    database = kitchen.open(first, kitchen.follower("second", Fact), kitchen.follower("third", Eaten))
    async with database.write(ACME) as transaction:
        bake(transaction, "apple")
        bake(transaction, "plum")
        assert kitchen.served == [], "at the end, and not before"
    served = [("first", ["apple", "plum"]), ("second", ["apple", "plum", "by first"]), ("third", ["by first"])]
    assert kitchen.served == served


async def test_all_rows_are_changed_before_anything_is_read_and_all_is_read_before_anything_is_rendered(
    kitchen: Kitchen,
) -> None:
    shown = (kitchen.shown("first", Baked, notes=(Smell,)), kitchen.shown("second", Smell))
    database = kitchen.open(kitchen.follower("cook", Baked), shown=shown)
    async with database.write(ACME) as transaction:
        bake(transaction, "apple")
        transaction.show(Smell("of plums"))
        bake(transaction, "plum")
    assert kitchen.served == [
        ("cook", ["apple", "plum"]),
        ("first reads", ["apple", "plum"]),
        ("second reads", ["of plums", "by first"]),
        ("first renders", ["apple", "plum"]),
        ("second renders", ["of plums", "by first"]),
    ]
    assert [event.body for event in transaction.batch.events] == ["apple", "plum", "of plums", "by first"]


async def test_of_what_nothing_is_found_nothing_is_rendered(kitchen: Kitchen) -> None:
    async def find_nothing(transaction: Transaction, things: Sequence[Any]) -> list[str]:
        return []

    first, second = kitchen.shown("first", Baked), kitchen.shown("second", Baked)
    database = kitchen.open(shown=(Shown(first.render, first.kinds, find_nothing), second))
    async with database.write(ACME) as transaction:
        bake(transaction, "apple")
    assert kitchen.served == [("second reads", ["apple"]), ("second renders", ["apple"])]


async def test_what_is_to_be_shown_is_refused_once_it_was_read(kitchen: Kitchen) -> None:
    async def show_more(transaction: Transaction, things: Sequence[Any]) -> None:
        transaction.show(Smell("late"))

    late = Shown(lambda tenant, found: [], (Baked,), show_more)
    database = kitchen.open(shown=(kitchen.shown("first", Smell), late))
    with pytest.raises(FactError):
        async with database.write(ACME) as transaction:
            bake(transaction, "apple")
    first, second = kitchen.shown("first", Baked, notes=(Smell,)), kitchen.shown("second", Smell)
    Followers(shown=(first, second))
    with pytest.raises(ValueError, match="follows first"):
        Followers(shown=(second, first))


async def test_a_savepoint_that_is_undone_takes_its_facts_with_it(kitchen: Kitchen) -> None:
    database = kitchen.open(kitchen.follower("only", Baked), shown=(kitchen.shown("nobody", Smell),))
    async with database.write(ACME) as transaction:
        bake(transaction, "before")
        with pytest.raises(ZeroDivisionError):
            async with transaction.begin_nested():
                bake(transaction, "undone")
                transaction.show(Smell("of what is undone"))
                raise ZeroDivisionError
        async with transaction.begin_nested():
            bake(transaction, "kept")
    assert kitchen.served == [("only", ["before", "kept"])]


async def test_what_follows_before_the_end_follows_once_and_not_in_a_savepoint(kitchen: Kitchen) -> None:
    database = kitchen.open(kitchen.follower("only", Baked))
    async with database.write(ACME) as transaction:
        bake(transaction, "for the page")
        with pytest.raises(FactError):
            async with transaction.begin_nested():
                await transaction.settle()
        await transaction.settle()
        assert kitchen.served == [("only", ["for the page"])]
        bake(transaction, "after it")
    assert kitchen.served == [("only", ["for the page"]), ("only", ["after it"])]


async def test_a_page_that_is_made_by_what_was_done_has_the_cursor_of_what_follows(server: Server) -> None:
    ana = await server.sign_in("acme", "ana@acme.test")
    made = await ana.post("/members/links", data={"role": "member", "uses": "5", "days": "7"})
    edited = await ana.get("/c/books/1/edit", headers={"Sec-Fetch-Site": "same-origin"})
    await ana.aclose()
    for page, published in ((made, "body LIKE '%members-refresh%'"), (edited, "channel = 'record.1'")):
        [(cursor,)] = server.store.rows(f"SELECT max(cursor) FROM event WHERE tenant_id = 1 AND {published}")
        shown = re.search(r'data-cursor="(\d+)"', page.text)
        assert page.status_code == 200
        assert shown
        assert int(shown[1]) >= cursor, page.request.url


async def test_a_follower_that_fails_undoes_the_whole_write(kitchen: Kitchen) -> None:
    async def fail(transaction: Transaction, facts: Sequence[Fact]) -> None:
        raise ZeroDivisionError

    database = kitchen.open(Follower(fail, (Baked,)))
    with pytest.raises(ZeroDivisionError):
        async with database.write(ACME) as transaction:
            ana = await transaction.get_one(Member, 1)
            ana.name = "Somebody else"
            bake(transaction, "burnt")
    async with database.read(ACME) as transaction:
        assert (await transaction.get_one(Member, 1)).name == "Ana"


async def test_a_fact_that_comes_too_late_to_be_followed_is_refused(kitchen: Kitchen) -> None:
    async def note_more(transaction: Transaction, facts: Sequence[Fact]) -> None:
        bake(transaction, "late")

    database = kitchen.open(Follower(note_more, (Eaten,)), kitchen.follower("next", Baked))
    with pytest.raises(FactError):
        async with database.write(ACME) as transaction:
            transaction.note(Eaten(by=transaction.actor, name="apple"))


@pytest.mark.parametrize("order", [("noting", "following"), ("noting",), ("following",)])
def test_who_notes_what_somebody_earlier_follows_or_nobody_does_not_start(
    kitchen: Kitchen, order: tuple[str, ...]
) -> None:
    noting = kitchen.follower("noting", Baked, notes=(Eaten,))
    following = kitchen.follower("following", Eaten, Baked)
    made = {"noting": noting, "following": following}
    if order == ("noting", "following"):
        Followers(noting, following)
        with pytest.raises(ValueError, match="follows first"):
            Followers(following, noting)
    elif order == ("noting",):
        with pytest.raises(ValueError, match="follows first"):
            Followers(made["noting"])
    else:
        Followers(made["following"])


@pytest.mark.parametrize("kind", list_own_kinds(), ids=lambda kind: kind.__qualname__)
def test_something_follows_from_every_fact(kind: type[Fact]) -> None:
    bases = [each for each in list_own_kinds() if kind is not each and issubclass(each, kind)]
    followed = any(issubclass(kind, each.kinds) for each in FOLLOWERS)
    assert followed or bases, f"{kind.__name__} has no follower in app/features.py"


def annotations_of(kind: type[Fact]) -> dict[str, str]:
    """What the parts of a fact are, as its module writes it."""
    written = {
        name: said for each in reversed(kind.__mro__) for name, said in vars(each).get("__annotations__", {}).items()
    }
    return {name: written[name] for name in kind.__struct_fields__}


@pytest.mark.parametrize("kind", list_own_kinds(), ids=lambda kind: kind.__qualname__)
def test_a_fact_is_a_frozen_struct_of_plain_values(kind: type[Fact]) -> None:
    assert kind.__struct_config__.frozen
    plain = ("int", "str", "bool", "None", "Literal", "Mapping", "tuple", "Actor", "datetime", "float", "Json")
    for name, annotation in annotations_of(kind).items():
        names = {node.id for node in ast.walk(ast.parse(annotation, mode="eval")) if isinstance(node, ast.Name)}
        assert names <= set(plain), f"{kind.__name__}.{name} is {annotation}"


@pytest.mark.parametrize("kind", list_own_kinds(), ids=lambda kind: kind.__qualname__)
def test_every_fact_says_what_programs_get_of_it_or_that_they_get_nothing(kind: type[Fact]) -> None:
    stated = any("log_entry" in vars(each) for each in kind.__mro__ if each is not Fact)
    bases = [each for each in list_own_kinds() if kind is not each and issubclass(each, kind)]
    assert stated or bases, f"{kind.__name__} needs a log_entry, or to be Unlogged"


# Parts of facts that are not everybody's: how somebody is reached or signs in, and from where. (The subject of a
# discussion is what it is about.)
SECRET = {"email", "device", "session_ids", "reason", "subject", "ends_at"}
MARKED = "not for everybody"


def make_fact(kind: type[Fact]) -> Fact:
    """A fact of a kind, in which what is not everybody's is marked."""
    values: dict[str, Any] = {}
    for name, words in annotations_of(kind).items():
        if name == "by":
            values["by"] = Actor("page", member_id=1, session_id=4321, address=MARKED)
        elif words.startswith("int") or words == "datetime | None":
            values[name] = 7
        elif words == "bool":
            values[name] = False
        elif words.startswith("tuple[str, str]"):
            values[name] = ("a", "b")
        elif words.startswith("tuple"):
            values[name] = ()
        elif words.startswith("Mapping"):
            values[name] = {}
        else:
            values[name] = MARKED if name in SECRET and not issubclass(kind, InRoom) else "record"
    return kind(**values)


LOGGED = [each for each in list_own_kinds() if make_fact(each).log_entry is not None]


@pytest.mark.parametrize("kind", LOGGED, ids=lambda kind: kind.__qualname__)
def test_what_programs_get_is_for_those_who_may_follow_a_channel_and_tells_of_nobodys_address(
    kind: type[Fact],
) -> None:
    fact = make_fact(kind)
    entry = fact.log_entry
    assert entry is not None
    assert any(pattern.expression.fullmatch(entry.channel) for pattern in PATTERNS), entry.channel
    written = json.dumps(dict(entry.data), default=str)
    assert MARKED not in written
    assert "4321" not in written
    if issubclass(kind, InRoom):
        assert entry.channel == "room.7", "what is in a room is for those who may see it"


def test_of_a_room_that_is_made_everybody_hears_only_where_everybody_may_join() -> None:
    by = Actor("page", member_id=1)
    channels: dict[str, str] = {}
    for kind in ("public", "private", "direct"):
        entry = RoomMade(by=by, room_id=7, kind=kind, people=(1, 2)).log_entry
        channels[kind] = entry.channel
    assert channels == {"public": "tenant", "private": "room.7", "direct": "room.7"}


def test_nothing_follows_that_is_not_in_the_one_list() -> None:
    import_everything()
    found = {
        id(value): f"{module.__name__}.{name}"
        for module in [each for name, each in sys.modules.items() if name.startswith("app.")]
        for name, value in vars(module).items()
        if isinstance(value, Follower | Shown)
    }
    assert {found[each] for each in found} == {found[id(each)] for each in FOLLOWERS}


@pytest.mark.parametrize(
    "path",
    [
        path
        for package, excepted in NOTING.items()
        for path in sorted((APP / package).glob("*.py"))
        if path.name not in FOLLOWING | excepted
    ],
    ids=lambda path: f"{path.parent.name}/{path.name}",
)
def test_no_operation_tells_shows_or_audits_by_itself(path: Path) -> None:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            assert node.func.id not in FOLLOWED, f"line {node.lineno}: note a fact, and let it follow"


async def test_what_is_audited_says_who_did_it_from_where(database: Database) -> None:
    class Sold(Audited, frozen=True, kw_only=True):
        name: str

        @property
        def entry(self) -> Any:
            from app.accounts.audit import Entry

            return Entry("cake.sold", self.name)

    async with database.write(ACME) as transaction:
        transaction.actor = Actor("page", member_id=2, address="192.0.2.7")
        for name in ("apple", "plum"):
            transaction.note(Sold(by=transaction.actor, name=name))
    async with database.read(ACME) as transaction:
        entries = (await transaction.scalars(select(AuditEntry).where(AuditEntry.what == "cake.sold"))).all()
        assert [(each.subject, each.member_id, each.address) for each in entries] == [
            ("apple", 2, "192.0.2.7"),
            ("plum", 2, "192.0.2.7"),
        ]
        assert await transaction.scalar(select(func.count()).select_from(AuditEntry)) >= 2
