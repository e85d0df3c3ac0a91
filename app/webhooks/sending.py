"""Sending: takes what is due from the turns of webhooks, of each one thing after another, and of several at once.

A turn is claimed by a lease, so that one of all workers has it (`tenants/turns_to_send.py`). It goes through the log
from its cursor: each fact is looked at with the rights that the maker has then, sent, and the cursor moves with the
commit that keeps what was answered. A process that dies in between lets the next one send the same fact again, with the
same id, by which its receiver knows the second copy; so each comes at least once, and in order. One that fails is tried
again, later each time, and holds up no other webhook; for three days, then the webhook is disabled.
"""

from __future__ import annotations

import random
import time
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import structlog
from sqlalchemy import bindparam, delete, or_, select, update

from app.accounts.members import Member
from app.database import Database, PreparedSelect, Tenant, Transaction, now
from app.database.leases import back_off, hold, is_due
from app.settings import Settings
from app.tenants.channels import push_deliveries
from app.tenants.deliveries import CameBack, send_to
from app.tenants.turns_to_send import LOOKED_AT_DUE, TURN_SECONDS_AT_MOST, TurnSender
from app.web.outgoing import Outgoing
from app.webhooks.choosing import FactToSend, find_fact_again, find_next_fact
from app.webhooks.facts import RIGHTS_LOST, SAYS_GONE, WebhookGivenUp
from app.webhooks.messages import SentMessage, WebhookMessage, write_fact_message, write_test_message
from app.webhooks.webhooks import Webhook, WebhookTurn, get_webhook, has_rights

# Between the tries of what fails, and how long it may.
FIRST_SENDING_PAUSE = timedelta(seconds=5)
LONGEST_SENDING_PAUSE = timedelta(hours=6)
MOST_FAILING = timedelta(days=3)

FAILED_FOR_LONG = "it has failed for three days"
NOT_IN_LOG = "the event is not in the log any more, or is none that this webhook gets"

log = structlog.get_logger("webhooks")

LIST_DUE_TURNS = PreparedSelect(
    lambda: (
        select(WebhookTurn.id, WebhookTurn.workspace_id)
        .join(Tenant, Tenant.id == WebhookTurn.workspace_id)
        .where(
            WebhookTurn.active,
            is_due(WebhookTurn),
            WebhookTurn.workspace_id.not_in(bindparam("full", expanding=True)),
            Tenant.suspended_at.is_(None),
            or_(WebhookTurn.what != "log", Tenant.cursor > WebhookTurn.cursor),
        )
        .order_by(WebhookTurn.due_at, WebhookTurn.id)
        .limit(LOOKED_AT_DUE)
    )
)


LIST_WATCHED = PreparedSelect(lambda: select(WebhookTurn.workspace_id).where(WebhookTurn.active).distinct())


class WebhookSender(TurnSender[WebhookTurn]):
    """This process's part in sending."""

    model = WebhookTurn
    called = "webhooks"

    def __init__(self, database: Database, settings: Settings, outgoing: Outgoing | None = None) -> None:
        super().__init__(database, settings, outgoing)
        self.watched: set[int] = set()  # the workspaces that have webhooks

    def hear(self, transaction: Transaction) -> None:
        """Look at what is due when this process has committed a fact; what others commit is found within a second."""
        if transaction.batch is not None and transaction.batch.facts and transaction.tenant.id in self.watched:
            self.loop.wake.set()

    def watch(self, workspaces: set[int]) -> None:
        """Hear of commits while there are workspaces with webhooks, and of none where nobody has one."""
        if workspaces and not self.watched:
            self.database.on_commit.append(self.hear)
        elif self.watched and not workspaces:
            self.database.on_commit.remove(self.hear)
        self.watched = workspaces

    async def list_due(self, transaction: Transaction, full: Sequence[int]) -> Sequence[Any]:
        """What is due, where anything is watched."""
        self.watch(set(await transaction.column(LIST_WATCHED)))
        return await transaction.rows(LIST_DUE_TURNS, full=full) if self.watched else []

    async def do(self, turn: WebhookTurn) -> None:
        """Go on in the log, or send what was asked for."""
        await (self.go_through_log(turn) if turn.what == "log" else self.send_asked(turn))

    async def go_through_log(self, turn: WebhookTurn) -> None:
        """Send what comes after the turn's cursor, until nothing is left, something fails, or it is others' turn."""
        began, cursor, failures = time.monotonic(), turn.cursor, turn.failures
        while time.monotonic() - began < TURN_SECONDS_AT_MOST:
            async with self.database.read(turn.workspace_id) as transaction:
                tenant = transaction.tenant
                webhook, _, maker = await get_webhook(transaction, turn.webhook_id)
                if not has_rights(maker):
                    break
                fact, upto = await find_next_fact(transaction, webhook, maker, cursor)
                is_all = fact is None and upto == tenant.cursor
            if fact is None:
                await self.settle(turn, cursor=upto)
                cursor = upto
                if is_all:
                    await self.release(turn)
                    return
                continue
            sent = await self.send(webhook, write_fact_message(webhook.id, tenant.slug, fact))
            if not sent.came.taken:
                await self.note_failure(turn, fact, sent, failures + 1)
                return
            await self.settle(turn, cursor=fact.cursor, sent=sent)
            cursor, failures = fact.cursor, 0
        else:
            await self.release(turn)
            return
        await self.give_up(turn, RIGHTS_LOST)

    async def settle(self, turn: WebhookTurn, *, cursor: int, sent: SentMessage | None = None) -> None:
        """Move the turn's cursor, with what was answered. Raises LeaseLost."""
        whose = turn.workspace_id if sent is not None else None
        async with self.database.write(whose) as transaction:
            await hold(transaction, WebhookTurn, turn.id, turn.lease)
            well = {"failures": 0, "failing_since": None, "failing_cursor": None} if sent is not None else {}
            here = WebhookTurn.id == turn.id
            await transaction.execute(update(WebhookTurn).where(here).values(cursor=cursor, attempts=0, **well))
            if sent is not None:
                await transaction.insert(sent.keep(turn.webhook_id))

    async def note_failure(self, turn: WebhookTurn, fact: FactToSend, sent: SentMessage, failures: int) -> None:
        """Try again later, or give up what has failed for too long. Raises LeaseLost."""
        since = turn.failing_since or now()
        if turn.failing_cursor != fact.cursor:
            since, failures = now(), 1
        gone = SAYS_GONE if sent.came.status == 410 else ""
        if gone or now() - since >= MOST_FAILING:
            await self.give_up(turn, gone or f"{FAILED_FOR_LONG}: {sent.came.why}", sent)
            return
        wait = back_off(failures, first=FIRST_SENDING_PAUSE, longest=LONGEST_SENDING_PAUSE) - now()
        asked = min(timedelta(seconds=sent.came.retry_after), LONGEST_SENDING_PAUSE)
        wait = max(wait * random.uniform(0.8, 1.2), asked)  # noqa: S311
        due = min(now() + wait, since + MOST_FAILING)
        log.warning(
            "a webhook can't be sent to; it is tried again", webhook=turn.webhook_id, reason=sent.came.why, at=due
        )
        async with self.database.write(turn.workspace_id) as transaction:
            await hold(transaction, WebhookTurn, turn.id, turn.lease)
            failing = {"failures": failures, "failing_since": since, "failing_cursor": fact.cursor}
            statement = update(WebhookTurn).where(WebhookTurn.id == turn.id)
            await transaction.execute(statement.values(leased_until=None, due_at=due, attempts=0, **failing))
            await transaction.insert(sent.keep(turn.webhook_id))

    async def give_up(self, turn: WebhookTurn, why: str, sent: SentMessage | None = None) -> None:
        """Disable a webhook, and have its maker told. Raises LeaseLost."""
        async with self.database.write(turn.workspace_id) as transaction:
            await hold(transaction, WebhookTurn, turn.id, turn.lease)
            webhook, current, maker = await get_webhook(transaction, turn.webhook_id)
            await transaction.change(current, active=False, leased_until=None)
            await transaction.change(webhook, disabled_at=now(), disabled_why=why[:200])
            if sent is not None:
                await transaction.insert(sent.keep(webhook.id))
            by, ids = transaction.actor, {"webhook_id": webhook.id, "member_id": maker.id}
            transaction.note(WebhookGivenUp(by=by, **ids, host=webhook.host, why=why[:200]))
        log.error("a webhook was disabled", webhook=turn.webhook_id, reason=why)

    async def send_asked(self, turn: WebhookTurn) -> None:
        """Send a test, or a fact again, once, and keep what came of it. Raises LeaseLost."""
        async with self.database.read(turn.workspace_id) as transaction:
            webhook, _, maker = await get_webhook(transaction, turn.webhook_id)
            message, why = await self.write_asked(transaction, webhook, maker, turn)
        sent = SentMessage(message, CameBack(error=why)) if why else await self.send(webhook, message)
        async with self.database.write(turn.workspace_id) as transaction:
            await hold(transaction, WebhookTurn, turn.id, turn.lease)
            await transaction.execute(delete(WebhookTurn).where(WebhookTurn.id == turn.id))
            await transaction.insert(sent.keep(turn.webhook_id))
            push_deliveries(transaction, f"webhook-{turn.webhook_id}")

    async def write_asked(
        self, transaction: Transaction, webhook: Webhook, maker: Member, turn: WebhookTurn
    ) -> tuple[WebhookMessage, str]:
        """What is to be sent beside the log, and why it is not."""
        slug = transaction.tenant.slug
        if turn.what == "test":
            return write_test_message(turn.id, slug), "" if has_rights(maker) else RIGHTS_LOST
        fact = await find_fact_again(transaction, webhook, maker, turn.cursor) if has_rights(maker) else None
        if fact is None:
            missing = FactToSend(turn.cursor, "", "", "{}", now())
            return write_fact_message(webhook.id, slug, missing), NOT_IN_LOG if has_rights(maker) else RIGHTS_LOST
        return write_fact_message(webhook.id, slug, fact), ""

    async def send(self, webhook: Webhook, message: WebhookMessage) -> SentMessage:
        """Send something now; what came of it."""
        headers = message.sign(webhook.secrets(self.settings.secret_key))
        return SentMessage(message, await send_to(self.outgoing, webhook.address, headers, message.body))
