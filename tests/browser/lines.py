"""What is said in rooms beside the browser."""

from __future__ import annotations

from collections.abc import Sequence

from app.accounts.members import find_member
from app.chat.memberships import get_room
from app.chat.posting import post_message
from app.features import open_database
from tests.conftest import Server


async def say_lines(server: Server, texts: Sequence[str], *names: str, slug: str = "general") -> None:
    """Post messages in acme at once, each with its text as its key, by Bruno or by several in turn.

    Sent over the network, each would cost many times as much.
    """
    database = open_database(server.store.url)
    async with database.write(1) as transaction:
        members = [await find_member(transaction, f"{name}@acme.test") for name in names or ("bruno",)]
        for number, text in enumerate(texts):
            member = members[number % len(members)]
            assert member is not None
            room = await get_room(transaction, member, slug)
            await post_message(transaction, room, member, key=text, text=text, origin="")
    await database.close()
