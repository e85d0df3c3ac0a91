"""Addresses that something is sent to: what somebody typed, read strictly, and which of them nothing is sent to."""

from __future__ import annotations

import ipaddress
import re
from urllib.parse import quote, urlsplit

import idna
from msgspec import Struct

from app.settings import Settings
from app.web.forms import Invalid
from app.web.internet import IPAddress, is_among, is_global, read_network_list, unwrap
from app.web.texts import _l

LONGEST_ADDRESS = 1000
HOST_NAME = re.compile(
    r"(?=.{1,253}$)[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?)*"
)


class NotSent(Exception):
    """There is no answer: it could not be sent, or nothing came back. The text says why, in technical English."""


class AddressRefused(NotSent):
    """The address is none that anything is sent to from here."""


class OutgoingAddress(Struct, frozen=True):
    """An address that was read: what is resolved, and what is asked of whoever is there."""

    scheme: str
    host: str
    port: int
    target: str

    @property
    def host_header(self) -> str:
        """The host as the receiver is told it."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == {"https": 443, "http": 80}[self.scheme] else f"{name}:{self.port}"


def read_outgoing_address(text: str) -> OutgoingAddress:
    """Read an address that somebody typed. Raises AddressRefused for what is none by http or https."""
    if len(text) > LONGEST_ADDRESS or re.search(r"[\s\x00-\x1f\x7f\\]", text):
        raise AddressRefused("this is no address of the web")
    try:
        parts = urlsplit(text)
        port, name = parts.port, parts.hostname or ""
        host = str(ipaddress.IPv6Address(name)) if ":" in name else encode_host(name)
    except (ValueError, idna.IDNAError) as error:
        raise AddressRefused("this is no address of the web") from error
    if parts.scheme not in ("http", "https") or port == 0:
        raise AddressRefused("this is no address of the web")
    if "@" in parts.netloc or parts.fragment:
        raise AddressRefused("an address with a name before @, or a part behind #, is not taken")
    path = quote(parts.path or "/", safe="/%:@!$&'()*+,;=~-._")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~-._?")
    target = f"{path}?{query}" if query else path
    return OutgoingAddress(parts.scheme, host, port or (443 if parts.scheme == "https" else 80), target)


def encode_host(name: str) -> str:
    """A host's name as name servers know it. Raises ValueError and IDNAError for what is none."""
    name = name.rstrip(".").lower()
    if not name.isascii():
        name = idna.encode(name, uts46=True).decode()
    if not HOST_NAME.fullmatch(name):
        raise ValueError("not a host's name")
    return name


class OutgoingLimits:
    """Where this installation sends something to."""

    def __init__(self, settings: Settings) -> None:
        self.http = settings.outgoing_http
        self.allowed = read_network_list(settings.outgoing_networks)
        self.refused = read_network_list(settings.outgoing_refused)

    def check(self, address: OutgoingAddress) -> None:
        """Raise AddressRefused for one that can be told not to do without asking a name server."""
        if address.scheme == "http" and not self.http:
            raise AddressRefused("this installation sends by https only")
        try:
            literal = ipaddress.ip_address(address.host)
        except ValueError:
            return
        self.check_reached(literal)

    def check_reached(self, address: IPAddress) -> None:
        """Raise AddressRefused for an address of a machine that nothing is sent to."""
        meant = unwrap(address)
        if is_among(meant, self.refused) or not (is_among(meant, self.allowed) or is_global(meant)):
            raise AddressRefused("the address is not on the public internet")


def check_outgoing_address(settings: Settings, address: str) -> None:
    """Raise Invalid for an address that nothing would be sent to."""
    try:
        OutgoingLimits(settings).check(read_outgoing_address(address))
    except AddressRefused as error:
        text = _l("This address can't be used. Enter the https address of a server on the public internet.")
        raise Invalid(address=text) from error
