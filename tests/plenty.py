"""An installation that has so many of everything: rows written in bulk, as the program's operations leave them."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from itertools import cycle
from typing import Any

from sqlalchemy import select, update

from app.accounts.audit import AuditEntry
from app.accounts.members import Member, find_member
from app.accounts.program_tokens import Token
from app.accounts.sessions import MOST_SESSIONS, Session
from app.accounts.undo import UndoOffer
from app.chat.attachments import Attachment
from app.chat.drafts import MessageDraft
from app.chat.incoming import MOST_ADDRESSES, IncomingAddress, make_incoming
from app.chat.memberships import Membership
from app.chat.messages import Message, MessageRevision
from app.chat.new_rooms import create_room, ensure_general, open_discussion
from app.chat.pins import MOST_PINNED, PinnedMessage
from app.chat.posting import post_message
from app.chat.reactions import Reaction
from app.chat.references import Mention, RecordReference
from app.chat.rooms import Room
from app.chat.saved import MOST_SAVED, SavedMessage
from app.database import Tenant, Transaction, now
from app.editing.drafts import Draft
from app.editing.rows import Proof, read_clock
from app.editing.waiting_rows import Waiting
from app.gateway.app_deliveries import AppDelivery
from app.gateway.app_told import AppTold
from app.gateway.app_turns import AppHookEvent, AppTurn
from app.gateway.apps import MOST_APPS, GatewayApp, WantedApp, make_app
from app.live.cutoff import start_session
from app.notifications.announcements import Announcement
from app.notifications.models import Activity, Notification
from app.operators.log import OperatorEntry
from app.operators.operators import Operator
from app.operators.sessions import start_operator_session as start_operator_session
from app.records.adding import create_records
from app.records.collections import Collection, get_collection
from app.records.fields import MOST_FIELDS, Field
from app.records.files import RecordFile
from app.records.permissions import EVERYTHING, NOTHING, CollectionGuest, write_permissions
from app.records.records import Record, get_record
from app.records.revisions import Revision
from app.tenants.invitations import Invitation
from app.webhooks.deliveries import WebhookDelivery
from app.webhooks.webhooks import MOST_WEBHOOKS, Webhook, WebhookTurn
from tests.fields import TITLE

# What a page shows whose lease has ended, and who goes on if nobody has had the lock since.
LAPSED = Proof(0, "0" * 32)
LONG_AGO = timedelta(days=60)
# What the files and pictures are stored as.
KEY = "ab" * 16


class Plenty:
    """A workspace that gets so many of everything; Ana is its owner, and whom all of it concerns."""

    def __init__(self, transaction: Transaction, count: int) -> None:
        self.transaction = transaction
        self.count = count

    async def fill(self) -> tuple[dict[str, str], str]:
        """Put it in; the parameters of addresses, and the token of a session of Ana's."""
        self.ana, self.bruno = await self.person("ana"), await self.person("bruno")
        await self.add_people()
        token = await self.add_sessions()
        await self.add_collections()
        await self.add_guests()
        await self.add_records()
        await self.add_rooms()
        await self.add_drafts()
        await self.add_notifications()
        await self.add_others()
        await self.add_tokens()
        await self.add_apps()
        await self.add_webhooks()
        return {
            "file_id": await self.newest(Attachment),
            "record_file_id": await self.newest(RecordFile),
            "invitation_id": await self.newest(Invitation),
            "undo_id": await self.newest(UndoOffer),
            "announcement_id": await self.newest(Announcement),
            "session_id": str(self.sessions[-1]),
            "token_id": await self.newest(Token),
            "app_id": await self.newest(GatewayApp),
            "webhook_id": await self.newest(Webhook),
            "address_id": await self.newest(IncomingAddress),
            "call": "change_field",
            "topic": "admins",
            "picture": "list.en.webp",
            "member_id": str(self.people[-1].id),
            "subject": f"record-{self.record.id}",
            "slug": "books",
            "number": "40",
            "version": "1",
            "key": "title",
        }, token

    async def add_tokens(self) -> None:
        """Tokens of Ana's, each narrowed to a collection and a room."""
        same = {"member_id": self.ana.id, "scopes": ["records:read"], "collections": [1], "rooms": [1], "origins": []}
        rows = [{**same, "name": f"Script {n}", "token_hash": secrets.token_bytes(32)} for n in range(self.count)]
        await self.put(Token, rows)

    async def add_apps(self) -> None:
        """Apps, with a bot each; the newest one's server was told much."""
        for number in range(min(self.count, MOST_APPS - 1)):
            app, _ = await make_app(self.transaction, None, WantedApp(f"Front end {number}"))
        sent = {"app_id": app.id, "kind": "channel_occupied", "body": '{"events":[{"name":"channel_occupied"}]}'}
        await self.put(AppDelivery, [sent for _ in range(self.count)])
        self.app_delivery = await self.newest(AppDelivery)
        event = {"app_id": app.id, "kind": "presence", "size": 2, "body": "{}"}
        await self.put(AppHookEvent, [event for _ in range(self.count)])
        told = {"app_id": app.id, "kind": "presence", "place": "[]"}
        await self.put(AppTold, [{**told, "digest": f"{number}"} for number in range(self.count)])
        waiting = {"workspace_id": self.ana.tenant_id, "app_id": app.id, "due_at": datetime.max.replace(tzinfo=UTC)}
        self.transaction.add(AppTurn(**waiting, what="events"))

    async def add_webhooks(self) -> None:
        """Webhooks of Ana's, which fail at something; the newest one has sent much."""
        same = {"member_id": self.ana.id, "address": "https://hooks.invalid/", "kinds": [], "seed": b"s" * 16}
        places = {"collections": [1], "rooms": [1]}
        await self.put(Webhook, [{**same, **places} for _ in range(min(self.count, MOST_WEBHOOKS - 1))])
        failing = {"workspace_id": self.ana.tenant_id, "what": "log", "cursor": 0, "failing_cursor": 1}
        for webhook_id in (await self.transaction.scalars(select(Webhook.id))).all():
            self.transaction.add(WebhookTurn(**failing, webhook_id=webhook_id, failing_since=now()))
        newest = int(await self.newest(Webhook))
        sent = {"webhook_id": newest, "cursor": 1, "channel": "tenant", "kind": "member.renamed", "message_id": "m"}
        await self.put(WebhookDelivery, [{**sent, "body": "{}"} for _ in range(self.count)])
        self.delivery = await self.newest(WebhookDelivery)

    async def put(self, model: Any, rows: Sequence[dict[str, Any]]) -> None:
        """Write rows at once."""
        await self.transaction.insert_rows(model, *rows)

    async def newest(self, model: Any) -> str:
        return str(await self.transaction.scalar(select(model.id).order_by(model.id.desc()).limit(1)))

    async def person(self, name: str) -> Member:
        found = await find_member(self.transaction, f"{name}@acme.test")
        assert found
        return found

    async def add_people(self) -> None:
        """People, all in the general room."""
        same = {"password_hash": "x", "picture": KEY}
        people = [{"email": f"p{n}@acme.test", "name": f"Person {n}", **same} for n in range(self.count)]
        await self.put(Member, people)
        self.transaction.tenant.logo = KEY
        found = await self.transaction.scalars(select(Member).where(Member.email.like("p%@acme.test")))
        self.people = sorted(found, key=lambda each: each.id)
        self.general = await ensure_general(self.transaction)

    async def add_sessions(self) -> str:
        """Ana's sessions, as many as are kept; the token of the newest."""
        agent = "Mozilla/5.0 Firefox/140.0"
        for _ in range(min(self.count + 1, MOST_SESSIONS)):
            token = await start_session(self.transaction, self.ana, address="127.0.0.1", agent=agent)
        found = await self.transaction.scalars(select(Session.id).where(Session.member_id == self.ana.id))
        self.sessions = sorted(found)[:-1]
        return token

    async def add_collections(self) -> None:
        """Collections of one record each, and optional fields of the books, one of them unique."""
        books = await get_collection(self.transaction, "books")
        await self.put(
            Collection, [{"slug": f"shelf-{n}", "name": f"Shelf {n}", "total": 1} for n in range(self.count)]
        )
        shelves = await self.transaction.scalars(select(Collection.id).where(Collection.slug.like("shelf-%")))
        texts = {"kind_name": "text", "label": "Note"}
        ids = list(shelves)
        titles = [Field(**texts, collection_id=each, key="title") for each in ids]
        self.transaction.add_all(titles)
        self.fields = [f"extra{n}" for n in range(min(self.count, MOST_FIELDS - 10))]  # with room for one more
        self.transaction.add_all([Field(**texts, collection_id=books.id, key=key, position=50) for key in self.fields])
        self.transaction.add(Field(**texts, collection_id=books.id, key="mark", position=51, unique=True))
        who = {"kind_name": "person", "label": "Who", "options": {"several": True}}
        self.transaction.add(Field(**who, collection_id=books.id, key="readers", position=52))
        pictures = {"kind_name": "files", "label": "Pictures"}
        self.transaction.add(Field(**pictures, collection_id=books.id, key="pictures", position=53))
        file = {"collection_id": books.id, "record_id": None, "member_id": self.ana.id, "key": KEY, "name": "a.txt"}
        file |= {"size": 3, "media_type": "text/plain", "preview": True}
        await self.put(RecordFile, [file] * self.count)
        gone = [Field(**texts, collection_id=books.id, key=f"gone{n}", removed_at=now()) for n in range(self.count)]
        self.transaction.add_all(gone)
        await self.transaction.flush()
        same = {"number": 1, "search": "t"}
        rows = [{**same, "collection_id": each.collection_id, "values": {each.ref: "T"}} for each in titles]
        await self.put(Record, rows)

    async def add_guests(self) -> None:
        """Guests whom the books are open to, one whom they are not, and rules of the books for each role."""
        books = await get_collection(self.transaction, "books")
        guests = [{"email": f"g{n}@acme.test", "name": f"Guest {n}"} for n in range(self.count)]
        others = {"email": "outside@acme.test", "name": "Outside"}
        await self.put(Member, [{**each, "role": "guest", "password_hash": "x"} for each in (*guests, others)])
        found = await self.transaction.scalars(select(Member.id).where(Member.email.like("g%@acme.test")))
        self.guests = list(found)
        await self.put(CollectionGuest, [{"collection_id": books.id, "member_id": each} for each in self.guests])
        await write_permissions(self.transaction, books.id, {"viewer": NOTHING, "guest": EVERYTHING})

    async def add_records(self) -> None:
        """Records: of the bin, old and new; edited by others; and one with a long history, which all else refers to."""
        transaction = self.transaction
        books = await get_collection(transaction, "books")
        self.record = await get_record(transaction, books, 40)
        first = books.last_number
        typed = [{"title": f"Book {n}", "status": "Lent", "mark": f"{n}"} for n in range(4 * self.count)]
        await create_records(transaction, books, typed, self.ana)
        await transaction.flush()
        found = await transaction.scalars(select(Record.id).where(Record.number > first).order_by(Record.number))
        self.ids = list(found)
        old, fresh, edited, self.kept = (self.ids[n * self.count : (n + 1) * self.count] for n in range(4))
        self.binned = str(first + self.count + 1)
        self.numbers = range(first + 3 * self.count + 1, first + 4 * self.count + 1)
        self.edited = edited
        clock = await read_clock(transaction)
        version = self.record.version + self.count
        await self.put(
            Revision,
            [
                {
                    "record_id": self.record.id,
                    "version": self.record.version + 1 + n,
                    "member_id": each.id,
                    "what": "changed",
                    "values": {TITLE: f"{n}"},
                }
                for n, each in enumerate(self.people)
            ],
        )
        held = {"lock_role": "member", "lock_since": now(), "lock_until": clock + 500_000, "lock_token": 1}
        held |= {"lock_member_id": self.ana.id, "lock_name": self.ana.name}
        for change in (
            update(Record)
            .where(Record.id == self.record.id)
            .values(version=version, lock_proof=LAPSED.digest(self.ana.id)),
            update(Record).where(Record.id.in_(old)).values(deleted_at=now() - LONG_AGO),
            update(Record).where(Record.id.in_(fresh)).values(deleted_at=now()),
            *(
                update(Record).where(Record.id == row).values(lock_session_id=session, **held)
                for row, session in zip(edited, cycle(self.sessions), strict=False)
            ),
        ):
            await transaction.execute(change.execution_options(synchronize_session=False))
        books.total -= 2 * self.count
        await transaction.refresh(self.record)

    async def add_rooms(self) -> None:
        """A room, a discussion and the general room with many messages; and many rooms of one message."""
        transaction = self.transaction
        self.room = await create_room(transaction, self.ana, name="Books", slug="books")
        discussion = await open_discussion(transaction, f"record-{self.record.id}", "Dom Casmurro")
        for number in range(min(self.count, MOST_ADDRESSES - 1)):
            await make_incoming(transaction, self.room, self.ana, f"Build server {number}")
        people = [self.bruno, *self.people]
        await self.put(Membership, [{"room_id": self.room.id, "member_id": each.id} for each in people])
        people = [self.ana, *self.people]
        await self.put(Membership, [{"room_id": discussion.id, "member_id": each.id} for each in people])
        text = "Needle, @Ana: #40, #1, #2, #3"
        message, _ = await post_message(transaction, self.room, self.ana, key="first", text=text, origin="")
        for room in (self.room, discussion, self.general):
            await self.talk(room, message)
        kinds = ("direct", "private", "public")
        rooms = [
            {
                "slug": f"room-{n}",
                "name": f"Room {n}",
                "kind": kinds[n % 3],
                "created_by_id": self.ana.id,
                "last_number": 1,
                "subject": f"people-{self.ana.id}-{each.id}" if n % 3 == 0 else None,
            }
            for n, each in enumerate(self.people)
        ]
        await self.put(Room, rooms)
        found = await transaction.scalars(select(Room).where(Room.slug.like("room-%")).order_by(Room.id))
        for room, each in zip(found.all(), self.people, strict=True):
            inside = [{"room_id": room.id, "member_id": member.id} for member in (each, self.ana)]
            await self.put(Membership, inside)
            await self.put(Message, [self.like(message, room, each, 1)])

    def like(self, message: Message, room: Room, author: Member, number: int) -> dict[str, Any]:
        """A message that says what another does."""
        same = {"text": message.text, "html": message.html, "plain": message.plain}
        return {**same, "room_id": room.id, "number": number, "member_id": author.id, "key": f"{room.id}-{number}"}

    async def talk(self, room: Room, message: Message) -> None:
        """Messages with everything that can belong to one: names, answers, emoji, files, edits, cards."""
        transaction = self.transaction
        start = room.last_number
        authors = [self.ana if n % 2 else each for n, each in enumerate(self.people)]
        await self.put(Message, [self.like(message, room, each, start + 1 + n) for n, each in enumerate(authors)])
        room.last_number = start + self.count
        await transaction.flush()
        own = Message.room_id == room.id, Message.number > start
        found = (
            await transaction.execute(select(Message.id, Message.member_id).where(*own).order_by(Message.id))
        ).all()
        answers = update(Message).where(*own, Message.number > start + 1).values(reply_to_id=found[0].id)
        await transaction.execute(answers.execution_options(synchronize_session=False))
        ids = [row.id for row in found]
        emoji = [{"message_id": each, "member_id": p.id, "emoji": "👍"} for each in ids for p in self.people[:5]]
        await self.put(Reaction, emoji)
        pins = [{"message_id": each, "room_id": room.id, "member_id": self.ana.id} for each in ids[: MOST_PINNED - 1]]
        await self.put(PinnedMessage, pins)
        await self.put(SavedMessage, [{"message_id": each, "member_id": self.ana.id} for each in ids[:MOST_SAVED]])
        await self.put(
            MessageRevision, [{"message_id": each, "number": 1, "text": "B", "made_at": now()} for each in ids]
        )
        await self.put(Mention, [{"message_id": each, "member_id": self.ana.id} for each in ids])
        subjects = [self.record.id, *self.kept[:3], *self.edited[:3]]
        await self.put(
            RecordReference,
            [
                {"message_id": each, "position": n, "subject": f"record-{row}"}
                for each in ids
                for n, row in enumerate(subjects)
            ],
        )
        file = {"name": "a.txt", "size": 1, "media_type": "text/plain", "preview": False, "room_id": room.id}
        await self.put(
            Attachment,
            [{**file, "message_id": row.id, "member_id": row.member_id, "key": secrets.token_hex(16)} for row in found],
        )

    async def add_drafts(self) -> None:
        """What people have typed, and who waits."""
        clock = await read_clock(self.transaction)
        row = {"kind": "record", "token": 1, "version": 1, "values": {TITLE: "T"}}
        await self.put(
            Draft,
            [
                {**row, "row_id": each, "member_id": person.id}
                for person in self.people
                for each in (self.record.id, self.ids[-1], self.kept[0] if self.count > 1 else self.edited[0])
            ],
        )
        await self.put(Draft, [{**row, "row_id": each, "member_id": self.ana.id} for each in self.edited])
        waits = {"kind": "record", "row_id": self.ids[-1], "role": "member", "until": clock + 500_000}
        await self.put(Waiting, [{**waits, "member_id": each.id, "name": each.name} for each in self.people])
        typed = {"member_id": self.ana.id, "text": "Typed"}
        file = {"name": "a.png", "size": 1, "media_type": "image/png", "preview": True, "key": KEY}
        await self.put(Attachment, [{**file, "room_id": self.room.id, "member_id": self.ana.id}])
        await self.put(MessageDraft, [{**typed, "place": f"/chat/room-{n}"} for n in range(self.count)])

    async def add_notifications(self) -> None:
        """Ana is told of each record, and of each somebody else is."""
        actor = self.people[0].id
        details = {"what": "", "fields": "Title"}
        subject = {"subject_kind": "record"}
        records = [*self.ids, self.record.id]
        rows = [{**subject, "subject_id": each, "actor_id": actor, "details": details} for each in records]
        await self.put(Activity, rows)
        found = await self.transaction.execute(
            select(Activity.id, Activity.subject_id).where(Activity.subject_id.in_(records))
        )
        rows = [
            {
                **subject,
                "subject_id": row.subject_id,
                "activity_id": row.id,
                "member_id": member.id,
                "kind": "record-admin",
            }
            for n, row in enumerate(found.all())
            for member in (self.ana, self.people[n % self.count])
        ]
        await self.put(Notification, rows)

    async def add_others(self) -> None:
        """A log, announcements, invitations."""
        entry = {"member_id": self.ana.id, "what": "record.deleted"}
        await self.put(AuditEntry, [{**entry, "subject": f"/c/books/{n}"} for n in range(self.count)])
        texts = {"member_id": self.ana.id, "title": "Word", "text": "Word"}
        await self.put(Announcement, [{**texts, "acknowledge": n % 2 == 0} for n in range(self.count)])
        invited = {"role": "member", "most_uses": 1, "made_by_id": self.ana.id, "expires_at": now() + LONG_AGO}
        await self.put(
            Invitation,
            [{**invited, "token_hash": secrets.token_bytes(32), "email": f"i{n}@acme.test"} for n in range(self.count)],
        )
        at = now().isoformat()
        offered = {"member_id": self.ana.id, "kind": "notifications.read", "state": {"at": at}}
        await self.put(UndoOffer, [offered for _ in range(self.count)])
        await self.transaction.flush()


async def fill_installation(transaction: Transaction, count: int) -> str:
    """Workspaces, and a log of operators; the token of an operator's session."""
    transaction.add_all(Tenant(slug=f"w{n}", name=f"Workspace {n}") for n in range(count))
    transaction.add_all(OperatorEntry(email="op@hero.test", what="was refused at sign-in") for _ in range(count))
    await transaction.flush()
    operator = await transaction.scalar(select(Operator.id))
    assert operator
    return await start_operator_session(transaction, operator, address="127.0.0.1")
