"""A mail server that tests talk to by SMTP, as the program does, and what is to be said of the mails it took."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Container
from email import message_from_bytes, policy
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Post:
    """A mail server that keeps what it takes; `answers` are given before it takes anything.

    It answers nobody until `at_once` mails are at its door together. `at_receiver` is what it answers to addresses, and
    `at_sender` to ours; at a mail to somebody of `breaks_off_at` it hangs up when it has taken it, and of `silent_at`
    says nothing more. `hangs_up_at` are the numbers of the mails, as they begin, at which it hangs up at MAIL FROM.
    """

    def __init__(self, port: int) -> None:
        self.mails: list[EmailMessage] = []
        self.answers: list[str] = []
        self.greeting = ""
        self.at_once = 1
        self.together = asyncio.Event()
        self.came = 0
        self.port = port
        self.at_sender = ""
        self.at_receiver: dict[str, str] = {}
        self.breaks_off_at: set[str] = set()
        self.silent_at: set[str] = set()
        self.hangs_up_at: Container[int] = ()
        self.begun = 0
        self.smtputf8 = False
        self.tls: ssl.SSLContext | None = None
        self.conversations = 0
        self.controller: Controller | None = None

    async def handle_EHLO(
        self, server: SMTP, session: Session, envelope: Envelope, hostname: str, responses: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.conversations += 1
        return [self.greeting] if self.greeting else responses

    async def handle_HELO(self, server: SMTP, session: Session, envelope: Envelope, hostname: str) -> str:
        session.host_name = hostname
        return self.greeting or "250 here"

    async def handle_MAIL(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, mail_options: list[str]
    ) -> str:
        self.begun += 1
        if self.begun in self.hangs_up_at:
            server.transport.abort()
        if not self.at_sender:
            envelope.mail_from = address
            envelope.mail_options.extend(mail_options)
        return self.at_sender or "250 go on"

    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, rcpt_options: list[str]
    ) -> str:
        answer = self.at_receiver.get(address, "250 go on")
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        self.came += 1
        if self.came >= self.at_once:
            self.together.set()
        await self.together.wait()
        if self.answers:
            return self.answers.pop(0)
        parsed: Any = message_from_bytes(envelope.content or b"", policy=policy.default)
        self.mails.append(parsed)
        if self.breaks_off_at & set(envelope.rcpt_tos):
            server.transport.abort()
        if self.silent_at & set(envelope.rcpt_tos):
            await asyncio.Event().wait()
        return "250 taken"

    @property
    def receivers(self) -> list[str]:
        """To whom mails came, in this order."""
        return [str(mail["to"]) for mail in self.mails]

    def open(self) -> None:
        self.controller = Controller(
            self, hostname="127.0.0.1", port=self.port, enable_SMTPUTF8=self.smtputf8, tls_context=self.tls
        )
        self.controller.start()

    def close(self) -> None:
        if self.controller:
            self.controller.stop()
            self.controller = None

    async def wait(self, count: int) -> list[EmailMessage]:
        async with asyncio.timeout(25):
            while True:
                if len(self.mails) >= count:
                    return self.mails
                await asyncio.sleep(0.02)


def plain(mail: EmailMessage) -> str:
    """The text of a mail."""
    return body_of(mail, "plain")


def html(mail: EmailMessage) -> str:
    """The HTML of a mail."""
    return body_of(mail, "html")


def body_of(mail: EmailMessage, subtype: str) -> str:
    body = mail.get_body((subtype,))
    assert body, f"there is no {subtype}"
    return str(body.get_content())
