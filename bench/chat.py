"""How long a room's pages take with 100,000 messages, beside the same pages of a small room: `make bench`."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
from contextlib import aclosing
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from sqlalchemy import update  # noqa: E402

from app.accounts.members import find_member  # noqa: E402
from app.chat.memberships import get_room  # noqa: E402
from app.chat.messages import Message  # noqa: E402
from app.chat.new_rooms import create_room  # noqa: E402
from app.chat.references import MessageIndex  # noqa: E402
from app.chat.rooms import Room  # noqa: E402
from app.demo import WORKSPACES, seed_demo  # noqa: E402
from app.features import open_database  # noqa: E402
from app.migration import migrate_database  # noqa: E402
from bench.serving import measure, serve, sign_in  # noqa: E402

MESSAGES = int(os.environ.get("MESSAGES", "100000"))
PAGES = {
    "newest": "/chat/{slug}",
    "older": "/chat/{slug}?before={middle}",
    "around a message": "/chat/{slug}?at={middle}",
    "search, a word that many have": "/chat/search?q=shelf&room={slug}",
    "search, a word that one has": "/chat/search?q=word{middle}&room={slug}",
}


async def fill(url: str) -> None:
    """The demo with a room of many messages, and one of few."""
    migrate_database(url)
    database = open_database(url)
    await seed_demo(database)
    for slug, count in (("large", MESSAGES), ("small", 100)):
        async with database.write(1) as transaction:
            ana = await find_member(transaction, WORKSPACES[0].people[0].email)
            assert ana
            room_id = (await create_room(transaction, ana, name=slug)).id
        for begin in range(1, count + 1, 5000):
            async with database.write(1) as transaction:
                room = await get_room(transaction, ana, slug)
                made = [
                    Message(
                        room_id=room_id,
                        number=number,
                        member_id=ana.id,
                        key=f"{slug} {number}",
                        text=f"Message word{number} about the shelf",
                        html=f"<p>Message word{number} about the shelf</p>",
                    )
                    for number in range(begin, min(begin + 5000, count + 1))
                ]
                transaction.add_all(made)
                await transaction.flush()
                transaction.add_all(MessageIndex(rowid=message.id, text=message.text) for message in made)
                statement = update(Room).where(Room.id == room.id).values(last_number=made[-1].number)
                await transaction.execute(statement.execution_options(synchronize_session=False))
    await database.close()


async def main() -> None:
    with tempfile.TemporaryDirectory() as directory:
        await fill(f"sqlite+aiosqlite:///{directory}/mutirao.sqlite")
        with serve(Path(directory)) as (port, _):
            async with aclosing(await sign_in(port)) as client:
                for slug, count in (("large", MESSAGES), ("small", 100)):
                    await client.post(f"/chat/{slug}/read", data={"number": str(count)})
                print(f"| page | {MESSAGES:,} messages, median ms | 100 messages, median ms |\n|---|---|---|")
                for name, path in PAGES.items():
                    large, _ = await measure(client, path.format(slug="large", middle=MESSAGES // 2))
                    small, _ = await measure(client, path.format(slug="small", middle=50))
                    print(f"| {name} | {large:.0f} | {small:.0f} |")


if __name__ == "__main__":
    asyncio.run(main())
