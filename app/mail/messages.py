"""Mails as they go over the wire."""

from __future__ import annotations

import re
from collections.abc import Mapping
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate, parseaddr
from urllib.parse import urlsplit

import idna

from app.mail.outbox import Content
from app.mail.pictures import attach_pictures
from app.mail.refusals import MailRefused
from app.settings import Settings
from app.web.forms import UNSEEN


def encode_address(address: str, display_name: str = "") -> Address:
    """An address as mail servers take it, its domain by IDNA 2008. Raises MailRefused for one that there can't be."""
    local, _, domain = address.rpartition("@")
    if re.search(r'[@\s,;<>"\\]', local):
        raise MailRefused("the address is none that mail can go to", for_good=True)
    try:
        if not domain.isascii():
            domain = idna.encode(domain, uts46=True).decode()
        return Address(display_name, local, domain)
    except (idna.IDNAError, ValueError) as error:
        raise MailRefused(f"the address is none that mail can go to: {error}", for_good=True) from error


def write_message(
    settings: Settings, content: Content, message_id: str, pictures: Mapping[str, tuple[str, bytes]] | None = None
) -> EmailMessage:
    """The message as it goes over the wire. Raises MailRefused for an address that there can't be."""
    message = EmailMessage()
    name, sender = parseaddr(settings.mail_from)
    try:
        message["From"] = encode_address(sender, name)
    except MailRefused as error:  # no mail is lost by a wrong setting
        raise MailRefused(f"MAIL_FROM: {error}", for_good=False) from error
    message["To"] = encode_address(content.receiver)
    message["Subject"] = " ".join(UNSEEN.sub("", content.subject).split())
    message["Date"] = formatdate()
    message["Message-ID"] = f"<{message_id}@{urlsplit(settings.base_url).hostname}>"
    message["Auto-Submitted"] = "auto-generated"  # RFC 3834
    for header, value in content.headers.items():
        message[header] = value
    message.set_content(clean(content.text))
    if content.html:
        message.add_alternative(clean(content.html), subtype="html")
        attach_pictures(message, pictures or {})
    return message


def clean(text: str) -> str:
    """A body without controls and what turns text around, with lines that all end in the same way."""
    return UNSEEN.sub("", "\n".join(text.replace("\r\n", "\n").split("\r")))
