"""Delivery: takes mails out of the outbox, one at a time, and hands them to the mail server.

A mail is claimed by a lease, which counts the try; then it is sent, and deleted. When the server can't be reached, or
goes away before it was told of a mail's receiver, nothing is lost: all mails wait, the log says so once, and it is
tried again, later each time. Whatever else goes wrong is that mail's own: it goes behind the others, and is given up
after so many tries. Only a process that dies between the server's 'taken' and the deletion, or a server that breaks off
there, sends a mail again, with the same Message-ID, by which mailboxes know the second copy.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from functools import cached_property
from typing import TYPE_CHECKING, Any, cast

import structlog
from msgspec import Struct
from sqlalchemy import delete, update

from app.background import in_background
from app.database import Database, Transaction, now
from app.database.leases import LeaseLost, back_off, claim, renew_lease
from app.jobs.runner import Loop
from app.mail.outbox import COMPOSERS, Content, FailedMail, Mail, find_next
from app.mail.pictures import take_pictures
from app.mail.refusals import BrokenOff, MailRefused, Unreachable
from app.settings import Settings

if TYPE_CHECKING:
    from app.mail.smtp import MailServer

# Seconds after which a mail is another process's to send, when the one that was sending it has died; it is prolonged as
# long as the conversation with the server goes on.
MAIL_LEASE = 30
SHORTEST_CLOSED = timedelta(seconds=2)
LONGEST_CLOSED = timedelta(minutes=1)
# After so many seconds with one mail what is urgent goes past it.
PASSED_AFTER = 5
# Between the tries of one mail. With the most of them it is tried for four days (RFC 5321, 4.5.4.1).
FIRST_PAUSE = timedelta(seconds=30)
LONGEST_PAUSE = timedelta(hours=4)
MOST_MAIL_ATTEMPTS = 32
# Each of these may have brought a copy to its receiver; or the server is not well, and is over it in some hours.
MOST_BROKEN_OFF = 5
FIRST_PAUSE_BROKEN_OFF = timedelta(minutes=10)

log = structlog.get_logger("mail")


class DeliveryOutcome(Struct, frozen=True):
    """What has become of a mail: it is done with, or tried `again` at a moment, or `failed` for a reason.

    A try is not `counted` that failed for what was not this mail's fault; one at which the server `broke_off` has
    a count of its own.
    """

    again: datetime | None = None
    failed: str = ""
    counted: bool = True
    broke_off: bool = False


class Settlement(Struct, frozen=True):
    """What is to be written of a mail that was tried."""

    mail: Mail
    outcome: DeliveryOutcome

    async def write(self, transaction: Transaction) -> None:
        """Settle the mail, if it is still ours."""
        mail, statement = self.mail, cast(Any, delete(Mail))
        if self.outcome.again is not None:
            statement = update(Mail).values(
                leased_until=None,
                due_at=self.outcome.again,
                attempts=mail.attempts - (not self.outcome.counted),
                broken_off=mail.broken_off + self.outcome.broke_off,
            )
        statement = statement.where(Mail.id == mail.id, Mail.lease == mail.lease)
        result: Any = await transaction.execute(statement)
        if self.outcome.failed and result.rowcount:
            transaction.add(
                FailedMail(
                    workspace_id=mail.workspace_id,
                    composer=mail.composer,
                    reason=self.outcome.failed[:300],
                    attempts=mail.attempts,
                )
            )


def pause_after(times: int, *, first: timedelta = FIRST_PAUSE) -> datetime:
    """When a mail is tried again that has failed so often."""
    return back_off(times, first=first, longest=LONGEST_PAUSE)


class Delivery:
    """This process's part in sending what is in the outbox; or, `past` a mail that the server takes long for, only in
    sending what is urgent."""

    def __init__(self, database: Database, settings: Settings, *, past: bool = False) -> None:
        self.database = database
        self.settings = settings
        self.past = past
        self.failures = 0
        self.closed_until: datetime | None = None
        self.served = 0  # the workspace whose mail was sent last
        self.unsettled: list[Settlement] = []

    @cached_property
    def server(self) -> MailServer:
        """The mail server. A process that has sent no mail yet is smaller without what talks to it."""
        from app.mail.smtp import MailServer

        return MailServer(self.settings)

    async def close(self) -> None:
        """End the conversation with the server, if there is one."""
        if "server" in vars(self):
            await self.server.close()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Send while the block runs."""
        async with Loop(self.database, self.step, "mail").running():
            yield
        await self.close()

    async def step(self) -> bool:
        """Send one mail that is due. False when there is none, or the server is not to be asked yet."""
        await self.settle_all()
        if self.closed_until is not None and now() < self.closed_until:
            return False
        async with self.database.read() as transaction:
            found = await find_next(transaction, self.served, urgent=self.past)
        if found is None:
            await self.close()
            return False
        mail_id, self.served = found
        try:
            await self.server.open()
        except Unreachable as error:
            self.note_unreachable(error)
            return False
        async with self.database.write() as transaction:
            mail = await claim(transaction, Mail, mail_id, seconds=MAIL_LEASE)
        if mail is not None:
            async with in_background(self.keep(mail)):
                sending = self.try_to_deliver(mail) if self.past else self.deliver_slowly(mail)
                self.unsettled.append(Settlement(mail, await sending))
            await self.settle_all()
        return True

    async def keep(self, mail: Mail) -> None:
        """Keep a claimed mail, however slow the server is, until this is cancelled or another worker has it."""
        while True:
            await asyncio.sleep(MAIL_LEASE / 3)
            try:
                async with self.database.write() as transaction:
                    await renew_lease(transaction, Mail, mail.id, mail.lease, seconds=MAIL_LEASE)
            except LeaseLost:
                return
            except Exception as error:  # it is tried again; so is what comes of the mail
                log.warning("a mail that is being sent can't be kept", mail=mail.id, reason=repr(error))

    async def deliver_slowly(self, mail: Mail) -> DeliveryOutcome:
        """Send a claimed mail. While the server takes its time, what is urgent goes out in another conversation."""
        sending = asyncio.create_task(self.try_to_deliver(mail))
        urgent = Delivery(self.database, self.settings, past=True)
        try:
            while not (await asyncio.wait({sending}, timeout=PASSED_AFTER))[0]:
                try:
                    while await urgent.step():
                        pass
                except Exception as error:
                    log.error("urgent mails can't be looked after; it is tried again", reason=repr(error))
            return sending.result()
        finally:
            sending.cancel()
            await asyncio.wait({sending})
            await urgent.close()

    async def try_to_deliver(self, mail: Mail) -> DeliveryOutcome:
        """Send a claimed mail; what becomes of it.

        When the server goes away before it was told anything of the mail, the mail goes behind all that are due then:
        if it is this one at which the server goes away, the others go out.
        """
        try:
            outcome = await self.deliver(mail)
        except Unreachable as error:
            return DeliveryOutcome(again=self.note_unreachable(error) + FIRST_PAUSE, counted=False)
        if self.failures:
            log.info("the mail server can be reached again", tries=self.failures)
        self.failures, self.closed_until = 0, None
        return outcome

    async def deliver(self, mail: Mail) -> DeliveryOutcome:
        """Send a claimed mail; what becomes of it. Every fault but a server that is away is the mail's own.

        Raises Unreachable.
        """
        receiver = ""
        try:
            if mail.attempts > MOST_MAIL_ATTEMPTS:  # by a process that dies of it, say: nobody came to count
                return self.give_up(mail, "it was tried too often")
            content = await self.compose(mail)
            if content is not None:
                receiver = content.receiver
                from app.mail.messages import write_message

                content, pictures = await take_pictures(content)
                await self.server.send(write_message(self.settings, content, mail.message_id, pictures))
        except Unreachable:
            raise
        except MailRefused as error:
            reason = str(error).replace(receiver, "…") if receiver else str(error)
            if error.for_good:
                log.error("the mail server refused a mail for good", mail=mail.id, reason=str(error))
                return DeliveryOutcome(failed=reason)
            if mail.attempts >= MOST_MAIL_ATTEMPTS:
                return self.give_up(mail, reason)
            log.warning("the mail server does not take a mail now; it is tried again", mail=mail.id, reason=str(error))
            return DeliveryOutcome(again=pause_after(mail.attempts))
        except BrokenOff as error:
            times = mail.broken_off + 1
            if times >= MOST_BROKEN_OFF or mail.attempts >= MOST_MAIL_ATTEMPTS:
                return self.give_up(mail, f"the mail server broke off: {error}")
            log.warning("the mail server broke off at a mail; it is tried again", mail=mail.id, reason=str(error))
            return DeliveryOutcome(again=pause_after(times, first=FIRST_PAUSE_BROKEN_OFF), broke_off=True)
        except Exception as error:
            if mail.attempts >= MOST_MAIL_ATTEMPTS:
                return self.give_up(mail, "it can't be written")
            log.error("a mail can't be written; it is tried again", mail=mail.id, reason=repr(error))
            return DeliveryOutcome(again=pause_after(mail.attempts))
        return DeliveryOutcome()

    def give_up(self, mail: Mail, reason: str) -> DeliveryOutcome:
        """Try a mail no more."""
        log.error("a mail is given up", mail=mail.id, attempts=mail.attempts, reason=reason)
        return DeliveryOutcome(failed=reason)

    async def compose(self, mail: Mail) -> Content | None:
        """What is to be sent now; None for a mail that nobody needs any more."""
        if mail.useless_after is not None and mail.useless_after <= now():
            log.info("a mail was not sent in time to be of use", mail=mail.id)
            return None
        async with self.database.read(mail.workspace_id) as transaction:
            return await COMPOSERS[mail.composer](transaction, self.settings, mail.payload)

    def note_unreachable(self, error: Unreachable) -> datetime:
        """All mails wait, and none counts it as a try of its own; until when."""
        self.failures += 1
        self.closed_until = back_off(self.failures, first=SHORTEST_CLOSED, longest=LONGEST_CLOSED)
        if self.failures == 1:
            log.error("the mail server can't be reached; mails wait and are tried again", reason=str(error))
        return self.closed_until

    async def settle_all(self) -> None:
        """Write what has become of mails. As long as that can't be written, no other is sent, and none twice."""
        while self.unsettled:
            async with self.database.write() as transaction:
                await self.unsettled[0].write(transaction)
            self.unsettled.pop(0)
