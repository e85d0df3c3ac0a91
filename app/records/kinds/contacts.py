"""How somebody or something is reached: mail addresses, telephone numbers, links."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from markupsafe import Markup

from app.records.kinds.kind import Cell, Definition, FieldKind, Link, fail
from app.records.kinds.texts import read_line
from app.web.mail_addresses import read_mail_address
from app.web.texts import _l

LINK_LIMIT = 2000
# After which characters of an address a line may end: browsers would break it anywhere.
BREAKS_AFTER = re.compile(r"(?<=[@._/?&=])(?!$)")
PHONE = re.compile(r"\+?[0-9 ()./-]{3,40}(?: ?(?:x|ext\.?|r\.?) ?[0-9]{1,6})?", re.IGNORECASE)


def show_address(address: str) -> Markup:
    """An address of any length, with the places where it may be broken."""
    return Markup("<wbr>").join(BREAKS_AFTER.split(address))


class EmailKind(FieldKind):
    """An e-mail address."""

    name = "email"
    label = _l("Email")
    type = "email"
    is_address = True

    def read(self, text: str, field: Definition) -> str:
        value = read_line(text)
        try:
            return read_mail_address(value)
        except ValueError as error:
            raise fail("This does not look like an email address.") from error

    def show(self, value: str, field: Definition) -> Markup:
        return Markup('<a class="link" href="mailto:%s">%s</a>') % (quote(value), show_address(value))


class PhoneKind(FieldKind):
    """A telephone number, as it is written."""

    name = "phone"
    label = _l("Phone")
    breaks = False
    type = "tel"

    def read(self, text: str, field: Definition) -> str:
        value = read_line(text)
        if not PHONE.fullmatch(value) or sum(each.isdigit() for each in value) < 3:
            raise fail("This does not look like a phone number.")
        return value

    def show(self, value: str, field: Definition) -> Markup:
        dialed = re.sub(r"[^0-9+]", "", re.split("[a-z]", value, maxsplit=1, flags=re.IGNORECASE)[0])
        return Markup('<a class="link" href="tel:%s">%s</a>') % (dialed, value)

    def unique_key(self, value: str, field: Definition) -> str:
        return re.sub(r"[^0-9+a-z]", "", value.lower())


class LinkKind(FieldKind):
    """An http or https address."""

    name = "link"
    label = _l("Link")
    type = "url"
    is_address = True

    def read(self, text: str, field: Definition) -> str:
        value = read_line(text, LINK_LIMIT)
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname or " " in value:
            raise fail("Enter an address that starts with https:// or http://.")
        return value

    def show(self, value: str, field: Definition) -> Markup:
        link = Markup('<a class="link" href="%s" rel="noopener noreferrer nofollow" target="_blank">%s</a>')
        return link % (value, show_address(value))

    def cell(self, value: str, field: Definition) -> Cell:
        return Link(value)
