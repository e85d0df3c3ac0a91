"""What follows from what people do in chat: a story, as it depends on what was before (tests/test_what_follows.py).

What each action leaves behind is compared with what_follows.txt, which is written anew by
`RECORD=yes pytest tests/chat/test_what_follows.py` and read before it is committed.
"""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import select

from app.accounts.audit import AuditEntry
from app.accounts.members import Member
from app.chat.attachments import Attachment
from app.chat.messages import Message
from app.database import Transaction
from app.jobs.jobs import Job
from app.live.cutoff import start_session
from app.mail.outbox import Mail
from app.notifications.models import Activity
from app.records.records import Record
from tests.databases import Store
from tests.test_isolation import SETTINGS
from tests.test_statements import PICTURE, World, make_world
from tests.test_what_follows import read_left_in_workspace

RECORDED = Path(__file__).with_name("what_follows.txt")
# What the names of a story's actions begin with.
STORY = "chat: "


LINES: dict[Any, Any] = {
    AuditEntry: lambda row: f"audited {row.what} by {row.member_id}",
    Job: lambda row: f"job {row.name}",
    Mail: lambda row: f"mail {row.composer}",
}


async def find_newest(transaction: Transaction) -> dict[Any, int]:
    """The newest rows of what actions leave."""
    return {
        model: await transaction.scalar(select(model.id).order_by(model.id.desc()).limit(1)) or 0
        for model in (*LINES, Activity)
    }


@asynccontextmanager
async def open_world(seeded: Store, directory: Path) -> AsyncIterator[World]:
    """A workspace with one of everything."""
    made = await make_world(seeded, directory, 1, [])
    yield made
    await made.client.aclose()
    await made.operator.aclose()
    await made.database.close()


@pytest.fixture
async def chat(seeded: Store, tmp_path: Path) -> AsyncIterator[Chat]:
    """A workspace in which people talk."""
    async with open_world(seeded, tmp_path) as world:
        made = Chat(world)
        await made.begin()
        yield made


@pytest.fixture(scope="module")
def recorded() -> Iterator[dict[str, list[str]]]:
    """What is recorded of each action; all of it is written where that is asked for."""
    blocks = [block.splitlines() for block in RECORDED.read_text().split("\n\n")] if RECORDED.exists() else []
    known = {block[0]: [line.strip() for line in block[1:]] for block in blocks if block}
    yield known
    if os.environ.get("RECORD"):
        lines = ["\n".join([name, *(f"    {line}" for line in known[name])]) for name in sorted(known)]
        RECORDED.write_text("\n\n".join(lines) + "\n")


class Chat:
    """People who talk; what follows from each thing that they do is noted by its name."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.cookies: dict[str, str] = {}
        self.ids: dict[str, int] = {}
        self.left: dict[str, list[str]] = {}

    async def begin(self) -> None:
        """Sign people in."""
        async with self.world.database.write(1) as transaction:
            for name in ("Ana", "Bruno", "Carla", "Davi"):
                person = (await transaction.scalars(select(Member).where(Member.name == name))).one()
                token = await start_session(transaction, person, address="127.0.0.1", agent="")
                self.cookies[name] = f"{SETTINGS.session_cookie}={token}"
                self.ids[name] = person.id
            records = await transaction.scalars(
                select(Record).where(Record.number.in_((1, 2))).order_by(Record.number, Record.id)
            )
            self.first, self.second = (f"record-{record.id}" for record in records.all()[:2])

    async def send(self, who: str, address: str, /, **form: Any) -> httpx.Response:
        """Send a form, as somebody."""
        sent: dict[str, Any] = {"files": form} if isinstance(form.get("file"), tuple) else {"data": form}
        return await self.world.client.post(address, headers={"cookie": self.cookies[who]}, **sent)

    async def do(self, name: str, who: str, address: str, /, **form: Any) -> httpx.Response:
        """Do something, and note what follows from it."""
        async with self.world.database.read(1) as transaction:
            before, newest = transaction.tenant.cursor, await find_newest(transaction)
        answer = await self.send(who, address, **form)
        async with self.world.database.read(1) as transaction:
            left = [line async for line in read_left_in_workspace(transaction, before, newest, LINES)]
        self.left[STORY + name] = [str(answer.status_code), *sorted(left)]
        return answer

    async def take_back(self, name: str, who: str, done: httpx.Response) -> None:
        """Take back what has offered it."""
        await self.do(name, who, f"/undo/{done.headers['location'].rpartition('=')[2]}")

    async def newest(self, model: Any) -> Any:
        async with self.world.database.read(1) as transaction:
            return (await transaction.scalars(select(model).order_by(model.id.desc()).limit(1))).one()


async def test_what_people_do_in_chat_leaves_what_is_recorded_of_it(chat: Chat, recorded: dict[str, list[str]]) -> None:
    await tell_of_messages(chat)
    await tell_of_discussions(chat)
    await tell_of_rooms(chat)
    if os.environ.get("RECORD"):
        for name in [each for each in recorded if each.startswith(STORY)]:
            del recorded[name]
        recorded.update(chat.left)
    told = {name: lines for name, lines in recorded.items() if name.startswith(STORY)}
    assert chat.left == told, "write it anew with RECORD=yes, and read what has changed"


async def tell_of_messages(chat: Chat) -> None:
    """Of messages that are posted, edited, deleted, answered by emoji."""
    books = "/chat/books"
    await chat.do("a message", "Bruno", books, text="Good morning", key="plain")
    await chat.do("the same message again", "Bruno", books, text="Good morning", key="plain")
    plain = await chat.newest(Message)
    await chat.do("files for a message", "Ana", f"{books}/files", file=("dot.png", PICTURE, "image/png"))
    everything = {"text": "Have you #1, @Bruno?", "key": "all", "reply": plain.id}
    file = await chat.newest(Attachment)
    await chat.do("a message with an answer, a mention, a record and a file", "Ana", books, **everything, file=file.id)
    message = f"{books}/messages/{(await chat.newest(Message)).number}"
    await chat.do("a message that is edited", "Bruno", f"{books}/messages/{plain.number}/edit", text="Good day")
    await chat.do("a mention that is edited away", "Ana", f"{message}/edit", text="Have you #1, @Carla?")
    await chat.do("a message that is edited and is the same", "Ana", f"{message}/edit", text="Have you #1, @Carla?")
    await chat.do("an emoji", "Bruno", f"{message}/react", emoji="👍")
    await chat.do("an emoji that is taken away", "Bruno", f"{message}/react", emoji="👍")
    await chat.do("a message that is pinned", "Bruno", f"{message}/pin", on="1")
    await chat.do("a message that is pinned again", "Bruno", f"{message}/pin", on="1")
    await chat.do("a message that is saved for later", "Bruno", f"{message}/save")
    await chat.do("a message that is ticked off", "Bruno", f"{message}/save", done="1")
    await chat.do("a room that is left unread", "Bruno", f"{message}/unread")
    deleted = await chat.do("a message with a mention that is deleted", "Ana", f"{message}/delete")
    await chat.do("a message that is deleted again", "Ana", f"{message}/delete")
    await chat.take_back("a message with a mention that is restored", "Ana", deleted)
    deleted = await chat.do("another's message that is deleted", "Ana", f"{books}/messages/{plain.number}/delete")
    await chat.take_back("another's message that is restored", "Ana", deleted)
    await chat.do("a message to everybody in the room", "Ana", books, text="@room: cake", key="everybody")
    await chat.do("a message of somebody who was not in the room", "Carla", books, text="I come", key="joins")
    await chat.do("messages that are read", "Ana", f"{books}/read", number=(await chat.newest(Message)).number)
    opened = await chat.do("a direct room", "Ana", "/chat/direct", person=f"#{chat.ids['Bruno']}")
    await chat.do("a message in a direct room", "Ana", opened.headers["location"], text="Only for you", key="direct")


async def tell_of_discussions(chat: Chat) -> None:
    """Of what is said about records."""
    await chat.do("the first message of a discussion", "Davi", f"/discussion/{chat.first}", text="Is it back?", key="1")
    await chat.do("the next message of a discussion", "Carla", f"/discussion/{chat.first}", text="No", key="2")
    files = f"/discussion/{chat.second}/files"
    await chat.do("files for a discussion that nobody has begun", "Ana", files, file=("a.txt", b"Word", "text/plain"))


async def tell_of_rooms(chat: Chat) -> None:
    """Of rooms, and who is in them."""
    books = "/chat/books"
    await chat.do("a public room", "Ana", "/chat/new", name="Shelves", description="Of all kinds")
    await chat.do("a room that is renamed", "Ana", "/chat/shelves/about", name="Racks", description="Of all kinds")
    await chat.do("joining", "Davi", "/chat/shelves/join")
    await chat.do("what one is told of a room", "Davi", "/chat/shelves/notify", notify="mentions")
    left = await chat.do("leaving", "Davi", "/chat/shelves/leave")
    await chat.take_back("leaving that is taken back", "Davi", left)
    archived = await chat.do("archiving", "Ana", "/chat/shelves/archive", archived="yes")
    await chat.take_back("archiving that is taken back", "Ana", archived)
    await chat.send("Ana", "/chat/shelves/archive", archived="yes")
    await chat.do("opening again", "Ana", "/chat/shelves/archive", archived="")
    await chat.do("inviting", "Ana", f"{books}/invite", person=[f"#{chat.ids[name]}" for name in ("Carla", "Davi")])
    removed = await chat.do("removing", "Ana", f"{books}/remove", person=chat.ids["Davi"])
    await chat.take_back("removing that is taken back", "Ana", removed)
    await chat.do("a private room", "Ana", "/chat/new", name="Vault", private="yes")
    await chat.do("inviting to a private room", "Ana", "/chat/vault/invite", person=f"#{chat.ids['Bruno']}")
    removed = await chat.do("removing from a private room", "Ana", "/chat/vault/remove", person=chat.ids["Bruno"])
    await chat.take_back("removing from a private room that is taken back", "Ana", removed)
    left = await chat.do("leaving a private room", "Bruno", "/chat/vault/leave")
    await chat.take_back("leaving a private room that is taken back", "Bruno", left)
