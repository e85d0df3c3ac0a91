"""Delivery: takes mails out of the outbox, one at a time, and hands them to the mail server.

A mail is claimed by a lease, sent, and deleted. When the server can't be reached nothing is lost: all mails wait, the
log says so once, and it is tried again, later each time. Only a process that dies between the server's 'taken' and the
deletion sends a mail again, with the same Message-ID, by which mailboxes know the second copy.
"""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from typing import Any

import aiosmtplib
import structlog
from sqlalchemy import delete, update

from app.database import Database, Transaction, now
from app.database.leases import back_off, claim, find_due
from app.jobs.runner import Loop
from app.mail.outbox import COMPOSERS, Content, Mail
from app.mail.smtp import send, write_message
from app.settings import Settings

# A conversation with the server is over within 20 s for each of its steps.
LEASE = 300
FIRST_WAIT = timedelta(seconds=2)
LONGEST_WAIT = timedelta(minutes=15)
MOST_ATTEMPTS = 12

log = structlog.get_logger("mail")


class Delivery:
    """This process's part in sending what is in the outbox."""

    def __init__(self, database: Database, settings: Settings) -> None:
        self.database = database
        self.settings = settings
        self.failures = 0
        self.closed_until: datetime | None = None
        self.loop = Loop(database, self.step, "mail")

    async def step(self) -> bool:
        """Send one mail that is due. False when there is none, or the server is not to be asked yet."""
        if self.closed_until is not None and now() < self.closed_until:
            return False
        async with self.database.read() as transaction:
            mail_id = await find_due(transaction, Mail)
        if mail_id is None:
            return False
        async with self.database.write() as transaction:
            mail = await claim(transaction, Mail, mail_id, seconds=LEASE)
        if mail is not None:
            await self.deliver(mail)
        return True

    async def deliver(self, mail: Mail) -> None:
        """Send a claimed mail, and settle it."""
        try:
            content = await self.compose(mail)
            if content is None:
                await self.settle(mail, delete(Mail))
                return
            await send(self.settings, write_message(self.settings, content, mail.message_id))
        except aiosmtplib.SMTPRecipientsRefused as error:
            await self.refused(mail, str(error.recipients[0].code), error.recipients[0].code)
        except aiosmtplib.SMTPDataError as error:
            await self.refused(mail, f"{error.code} {error.message}", error.code)
        except (OSError, aiosmtplib.SMTPException, TimeoutError) as error:
            await self.unreachable(mail, error)
        except asyncio.CancelledError:
            raise
        except Exception as error:
            log.error("a mail can't be written; it is tried again", mail=mail.id, reason=repr(error))
            await self.put_off(mail)
        else:
            await self.settle(mail, delete(Mail))
            if self.failures:
                log.info("the mail server takes mails again", tries=self.failures)
            self.failures, self.closed_until = 0, None

    async def compose(self, mail: Mail) -> Content | None:
        """What is to be sent now; None for a mail that nobody needs any more."""
        if mail.useless_after is not None and mail.useless_after <= now():
            log.info("a mail was not sent in time to be of use", mail=mail.id)
            return None
        if not mail.composer:
            return Content(mail.receiver, mail.subject, mail.text)
        async with self.database.read(mail.workspace_id) as transaction:
            return await COMPOSERS[mail.composer](transaction, self.settings, mail.payload)

    async def refused(self, mail: Mail, reason: str, code: int) -> None:
        """The server has answered, and does not take this mail: for good (RFC 5321, 4.2.1: 5xx) or for now."""
        if code >= 500 or mail.attempts >= MOST_ATTEMPTS:
            log.error("the mail server refused a mail for good", mail=mail.id, reason=reason)
            await self.settle(mail, delete(Mail))
        else:
            log.warning("the mail server does not take a mail now; it is tried again", mail=mail.id, reason=reason)
            await self.put_off(mail)

    async def unreachable(self, mail: Mail, error: BaseException) -> None:
        """The server can't be talked to, or does not want us (a wrong password, say): that is no mail's fault.

        All mails wait, and none counts it as an attempt of its own.
        """
        self.failures += 1
        self.closed_until = back_off(self.failures, first=FIRST_WAIT, longest=LONGEST_WAIT)
        if self.failures == 1:
            log.error("the mail server can't be reached; mails wait and are tried again", reason=str(error))
        await self.settle(mail, update(Mail).values(leased_until=None, attempts=mail.attempts - 1))

    async def put_off(self, mail: Mail) -> None:
        """Try a mail again later."""
        due = back_off(mail.attempts, first=timedelta(seconds=30), longest=timedelta(hours=2))
        await self.settle(mail, update(Mail).values(leased_until=None, due_at=due))

    async def settle(self, mail: Mail, change: Any) -> None:
        """Change or delete a mail, if it is still ours."""
        async with self.database.write() as transaction:
            await self.apply(transaction, mail, change)

    async def apply(self, transaction: Transaction, mail: Mail, change: Any) -> None:
        """The statement that settles a mail."""
        statement = change.where(Mail.id == mail.id, Mail.lease == mail.lease)
        await transaction.execute(statement.execution_options(synchronize_session=False))
