"""What the tests of webhooks stand on: a receiver, and the part of the program that sends, in the test's process."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from app.accounts.facts import MemberRenamed
from app.accounts.members import Member, find_member
from app.database import Actor, Database, Transaction
from app.settings import Settings
from app.webhooks.sending import WebhookSender
from app.webhooks.webhooks import WantedWebhook, make_webhook
from tests.databases import Store
from tests.receiver import Receiver, receiving
from tests.test_isolation import SETTINGS

ACME, GLOBEX = 1, 2
HERE = replace(SETTINGS, secret_key="k" * 40, outgoing_http=True, outgoing_networks="127.0.0.1/32")


async def get_person(transaction: Transaction, name: str) -> Member:
    """Somebody of the demo, by the beginning of the address."""
    slug = transaction.tenant.slug
    found = await find_member(transaction, f"{name}@{slug}.test")
    assert found
    return found


@dataclass
class Sending:
    """A workspace's webhooks, as a test makes them and has them send."""

    database: Database
    store: Store
    settings: Settings
    sender: WebhookSender

    async def make(
        self, address: str, *kinds: str, by: str = "bruno", workspace: int = ACME, **places: Any
    ) -> tuple[int, str]:
        """A webhook of somebody's: its number and its secret."""
        async with self.database.write(workspace) as transaction:
            member = await get_person(transaction, by)
            transaction.actor = Actor("page", member_id=member.id)
            wanted = WantedWebhook(address, kinds, **places)
            webhook, secret = await make_webhook(transaction, self.settings, member, wanted)
            return webhook.id, secret

    async def happen(self, *names: str, workspace: int = ACME) -> None:
        """Something happens: Carla, or in globex Hana, is called this, one after the other."""
        async with self.database.write(workspace) as transaction:
            for name in names:
                by = Actor("page", member_id=1)
                transaction.note(MemberRenamed(by=by, member_id=3, before="Before", after=name))

    async def send_out(self) -> None:
        """Send until nothing is due."""
        while await self.sender.step() or self.sender.sending:
            if self.sender.sending:
                await asyncio.wait(self.sender.sending, return_when=asyncio.FIRST_COMPLETED)
                await asyncio.sleep(0)

    async def change(self, change: Any, *given: Any, workspace: int = ACME, **named: Any) -> Any:
        """Do what a page does, in a transaction of its own."""
        async with self.database.write(workspace) as transaction:
            return await change(transaction, *given, **named)

    def turn(self, webhook_id: int) -> dict[str, Any]:
        """What a webhook has to send, as its row has it."""
        names = ("cursor", "active", "failures", "failing_cursor", "leased_until")
        rows = self.store.rows(
            f"SELECT {', '.join(names)} FROM webhook_turn WHERE webhook_id = {webhook_id} AND what = 'log'"
        )
        return dict(zip(names, rows[0], strict=True))

    def be_due(self) -> None:
        """The time of the next try has come, and leases of who has died are over."""
        self.store.rows("UPDATE webhook_turn SET due_at = '2026-01-01 00:00:00+00', leased_until = NULL")

    def cursor(self, workspace: int = ACME) -> int:
        """Where the log is."""
        return int(self.store.rows(f"SELECT cursor FROM tenant WHERE id = {workspace}")[0][0])


def names_in(receiver: Receiver) -> list[str]:
    """What has come, by who was called what."""
    return [each.told["data"]["after"] for each in receiver.requests if each.told["type"] == "member.renamed"]


@pytest.fixture
async def sending(database: Database, store: Store) -> AsyncIterator[Sending]:
    sender = WebhookSender(database, HERE)
    yield Sending(database, store, HERE, sender)
    for task in list(sender.sending):
        task.cancel()
    await asyncio.gather(*sender.sending, return_exceptions=True)
    sender.outgoing.close()


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as made:
        yield made
