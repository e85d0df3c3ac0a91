"""Mail: by SMTP where SMTP_URL is set, else into the log and DATA_DIR/outbox for development."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass, field
from email.message import EmailMessage
from email.utils import formatdate, make_msgid
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from app.settings import Settings

log = structlog.get_logger("mail")


@dataclass(frozen=True, slots=True)
class Mailer:
    """Sends one mail at a time; keeps a copy in the outbox when there is no server to send by."""

    settings: Settings
    under_way: set[asyncio.Task[bool]] = field(default_factory=set)

    def send_soon(self, *, to: str, subject: str, text: str) -> None:
        """Send in the background, so that the answer's time does not tell whether there was a mail to send."""
        task = asyncio.create_task(self.send(to=to, subject=subject, text=text))
        self.under_way.add(task)
        task.add_done_callback(self.under_way.discard)

    async def send(self, *, to: str, subject: str, text: str) -> bool:
        """Send a plain text mail. False, and a line in the log, when the server did not take it."""
        message = EmailMessage()
        message["From"] = self.settings.mail_from
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = formatdate()
        message["Message-ID"] = make_msgid(domain=urlsplit(self.settings.base_url).hostname)
        message.set_content(text)
        if not self.settings.smtp_url:
            path = await asyncio.to_thread(self.keep, message)
            log.info("mail kept in the outbox: SMTP_URL is not set", subject=subject, to=to, file=str(path))
            return True
        try:
            await self.deliver(message)
        except (OSError, aiosmtplib.SMTPException) as error:
            log.error("mail not sent", subject=subject, reason=str(error))
            return False
        return True

    def keep(self, message: EmailMessage) -> Path:
        """Write the mail to a file that only this program's user can read."""
        outbox = self.settings.data_dir / "outbox"
        outbox.mkdir(mode=0o700, exist_ok=True)
        path = outbox / f"{time.time_ns()}.eml"
        path.write_bytes(bytes(message))
        return path

    async def deliver(self, message: EmailMessage) -> None:
        """Hand the mail to the server."""
        url = urlsplit(self.settings.smtp_url)
        await aiosmtplib.send(
            message,
            hostname=url.hostname,
            port=url.port,
            username=unquote(url.username) if url.username else None,
            password=unquote(url.password) if url.password else None,
            use_tls=url.scheme == "smtps",
            start_tls=True if url.scheme == "smtp+starttls" else None,
            timeout=20,
        )
