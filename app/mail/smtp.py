"""Mail by SMTP where SMTP_URL is set, else into the log and DATA_DIR/outbox for development."""

from __future__ import annotations

import asyncio
import time
from email.message import EmailMessage
from email.utils import formatdate
from pathlib import Path
from urllib.parse import unquote, urlsplit

import aiosmtplib
import structlog

from app.mail.outbox import Content
from app.settings import Settings

log = structlog.get_logger("mail")


def write_message(settings: Settings, content: Content, message_id: str) -> EmailMessage:
    """The message as it goes over the wire."""
    message = EmailMessage()
    message["From"] = settings.mail_from
    message["To"] = content.receiver
    message["Subject"] = " ".join(content.subject.split())
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{message_id}@{urlsplit(settings.base_url).hostname}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834
    for name, value in content.headers.items():
        message[name] = value
    message.set_content(content.text)
    if content.html:
        message.add_alternative(content.html, subtype="html")
    return message


def keep(settings: Settings, message: EmailMessage) -> Path:
    """Write the mail to a file that only this program's user can read."""
    outbox = settings.data_dir / "outbox"
    outbox.mkdir(mode=0o700, exist_ok=True)
    path = outbox / f"{time.time_ns()}.eml"
    unfinished = path.with_suffix(".part")
    unfinished.write_bytes(bytes(message))
    unfinished.rename(path)
    return path


async def send(settings: Settings, message: EmailMessage) -> None:
    """Hand the mail to the server. Raises OSError and aiosmtplib.SMTPException."""
    if not settings.smtp_url:
        path = await asyncio.to_thread(keep, settings, message)
        log.info(
            "mail kept in the outbox: SMTP_URL is not set", subject=message["Subject"], to=message["To"], file=str(path)
        )
        return
    url = urlsplit(settings.smtp_url)
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
