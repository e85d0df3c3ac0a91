"""Mail by SMTP where SMTP_URL is set, else into the log and DATA_DIR/outbox for development."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from app.mail.refusals import BrokenOff, MailRefused, Unreachable
from app.settings import Settings

# How long the server may take: for each step of a conversation, and to take a mail that it has been given.
STEP_SECONDS = 20
TAKING_SECONDS = 60
# Servers end conversations that go on for too long; a new one is begun before that.
MOST_IN_CONVERSATION = 100

log = structlog.get_logger("mail")


def is_for_good(code: int, message: str) -> bool:
    """Whether an answer means that this receiver will never have this mail.

    Many servers say only at the receiver what they have against the sender, or that it has to sign in. That an operator
    can mend: no mail is lost by a wrong MAIL_FROM (RFC 3463: X.1.7, X.1.8 and X.7; RFC 4954, 6: 530).
    """
    about_us = re.match(r"5\.(?:1\.[78]|7\.\d+)\b", message)
    return code >= 500 and code != 530 and not about_us and "relay" not in message.lower()


def write_to_outbox(settings: Settings, message: EmailMessage) -> Path:
    """Write the mail to a file that only this program's user can read."""
    outbox = settings.data_dir / "outbox"
    outbox.mkdir(mode=0o700, exist_ok=True)
    path = outbox / f"{time.time_ns()}.eml"
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(bytes(message))
    unfinished.rename(path)
    return path


class Conversation(aiosmtplib.SMTP):
    """A conversation of which one knows, when it ends, whether the server was told anything of a mail."""

    async def mail(self, *args: Any, **options: Any) -> aiosmtplib.SMTPResponse:
        """Begin a mail. Raises Unreachable when the server goes away, also in so many words (RFC 5321, 3.8: 421), and
        when what it says is no answer."""
        try:
            return await super().mail(*args, **options)
        except aiosmtplib.SMTPResponseException as error:
            if error.code in (aiosmtplib.SMTPStatus.domain_unavailable, aiosmtplib.SMTPStatus.invalid_response):
                raise Unreachable(f"{error.code} {error.message}") from error
            raise
        except (OSError, aiosmtplib.SMTPException, TimeoutError) as error:
            raise Unreachable(str(error) or repr(error)) from error


class MailServer:
    """The mail server, and a conversation with it in which several mails are sent, one after another."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.client: Conversation | None = None
        self.sent = 0

    async def open(self) -> None:
        """Begin a conversation, or go on with the one there is. Raises Unreachable."""
        if self.sent >= MOST_IN_CONVERSATION or (self.client is not None and not self.client.is_connected):
            await self.close()
        if self.client is not None or not self.settings.smtp_url:
            return
        url = urlsplit(self.settings.smtp_url)
        client = Conversation(
            hostname=url.hostname,
            port=url.port,
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            use_tls=url.scheme == "smtps",
            start_tls=True if url.scheme == "smtp+starttls" else None,
            timeout=STEP_SECONDS,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                try:
                    await client.ehlo()
                except aiosmtplib.SMTPHeloError:
                    await client.helo()
        except (OSError, aiosmtplib.SMTPException, TimeoutError) as error:
            client.close()
            raise Unreachable(str(error)) from error
        except BaseException:
            client.close()
            raise
        self.client, self.sent = client, 0

    async def send(self, message: EmailMessage) -> None:
        """Hand a mail to the server. Raises MailRefused, BrokenOff, after which others can be sent, and Unreachable."""
        if self.client is None:
            path = await asyncio.to_thread(write_to_outbox, self.settings, message)
            subject, to = message["Subject"], message["To"]
            log.info("mail kept in the outbox: SMTP_URL is not set", subject=subject, to=to, file=str(path))
            return
        try:
            await self.send_by(self.client, message)
        except Unreachable:
            begun_with_it = self.sent == 1
            await self.close()
            if begun_with_it:
                raise
            await self.open()  # the server had enough of this conversation, and perhaps of nothing else
            await self.send(message)

    async def send_by(self, client: Conversation, message: EmailMessage) -> None:
        """Hand a mail to the server in a conversation. Raises MailRefused, BrokenOff and Unreachable."""
        self.sent += 1
        sender, receiver = (message[header].addresses[0].addr_spec for header in ("From", "To"))
        try:
            await client.send_message(message, sender=sender, recipients=[receiver], timeout=TAKING_SECONDS)
        except aiosmtplib.SMTPNotSupported as error:
            reason = "the part of the address before the @ needs SMTPUTF8 (RFC 6531), which the mail server has not"
            raise MailRefused(reason, for_good=True) from error
        except aiosmtplib.SMTPRecipientsRefused as error:
            answer = error.recipients[0]
            raise await self.judge(answer, for_good=is_for_good(answer.code, answer.message)) from error
        except aiosmtplib.SMTPDataError as error:
            raise await self.judge(error, for_good=is_for_good(error.code, error.message)) from error
        except aiosmtplib.SMTPResponseException as error:
            # What is said before the receiver is named is about the sender, which an operator can mend: no mail is
            # lost by a wrong MAIL_FROM.
            raise await self.judge(error, for_good=False) from error
        except (OSError, aiosmtplib.SMTPException, TimeoutError) as error:
            await self.close()
            raise BrokenOff(str(error) or repr(error)) from error
        except Unreachable:
            raise
        except BaseException:  # also where the program ends: what was half said is no beginning of another mail
            client.close()
            self.client = None
            raise

    async def judge(self, answer: aiosmtplib.SMTPResponseException, *, for_good: bool) -> MailRefused | BrokenOff:
        """What it means for a mail that the server has not taken it. Where it said what is no answer, nobody can tell
        which mail that, and all it says afterwards, is about: then the conversation ends."""
        reason = f"{answer.code} {answer.message}"
        if answer.code != aiosmtplib.SMTPStatus.invalid_response:
            return MailRefused(reason, for_good=for_good)
        await self.close()
        return BrokenOff(reason)

    async def close(self) -> None:
        """End the conversation, if there is one."""
        client, self.client, self.sent = self.client, None, 0
        if client is None:
            return
        if client.is_connected:
            with contextlib.suppress(OSError, aiosmtplib.SMTPException, TimeoutError):
                await client.quit(timeout=2)
        client.close()
