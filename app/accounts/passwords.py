"""Limits against guessing passwords and against whatever else a stranger can ask for: counted first, then done."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator

from limits import RateLimitItem, RateLimitItemPerDay, RateLimitItemPerHour, RateLimitItemPerMinute

from app.accounts.hashing import Busy, verify_password
from app.web.errors import PageError
from app.web.limits import Windows, network_of
from app.web.texts import Text, _l

Counted = list[tuple[RateLimitItem, tuple[str, ...]]]


class TooManyTries(PageError):
    """Too many tries came from an address. `first` is the refusal to log: one in each window.

    So a log tells that somebody was shut out, and can't be flooded by who goes on trying.
    """

    def __init__(self, text: Text, *, wait: float, first: bool = False) -> None:
        super().__init__(429, text, retry_after=wait)
        self.first = first


class GuessingLimit:
    """Counts tries: ten in a quarter of an hour for an account, a hundred an hour for an address.

    A right password is given back, so that nobody is kept out who knows it; and an account's count is kept for each
    address it is tried from, so that a stranger can't lock its owner out. Addresses of IPv6 count by their /64.

    Whoever tries one account from many addresses is slowed: when sixty tries in an hour were wrong, wherever they came
    from, strangers have six a minute together. That shuts nobody out either: a browser that has signed in to the
    account before (`devices.py`) is counted by itself alone, and so is whoever sets a new password by mail.

    Right passwords cost a hash too: sixty a minute for an account from an address, 240 for an address. Whoever has
    signed in that often waits for less than a minute; known browsers don't.
    """

    ACCOUNT = RateLimitItemPerMinute(10, 15)
    ADDRESS = RateLimitItemPerHour(100)
    EVERYWHERE = RateLimitItemPerHour(60)
    SLOWED = RateLimitItemPerMinute(6)
    RIGHT = RateLimitItemPerMinute(60)
    RIGHT_ADDRESS = RateLimitItemPerMinute(240)

    def __init__(self, windows: Windows) -> None:
        self.windows = windows

    async def count(self, account: str, address: str) -> None:
        """Count something that a stranger is about to do, under a name if it has a limit of its own.

        Raises TooManyTries.
        """
        network = network_of(address)
        wanted: Counted = [(self.ADDRESS, ("guess", network))]
        if account:
            wanted.insert(0, (self.ACCOUNT, ("guess", account, network)))
        await self.reserve(wanted, _l("Too many attempts. Wait %(wait)s, then try again."))

    async def verify(
        self,
        password: str,
        stored: str | None,
        account: str,
        address: str,
        *,
        log: str = "",
        device: str = "",
        known: bool = False,
    ) -> bool:
        """Whether a password is the stored one. It takes long: hold no transaction meanwhile.

        `log` names the log that the first refusal is for, `device` a browser that is known to the account; `known` is
        whether somebody is signed in, so that they don't wait behind strangers. Raises TooManyTries and Busy.
        """
        counted = await self.begin(account, address, log=log, device=device)
        hashed: Counted = []
        try:
            if not device:
                hashed = await self.count_right(account, address)
            right = await verify_password(password, stored, known=known or bool(device))
        except (Busy, TooManyTries):
            await self.give_back(counted + hashed)
            raise
        await self.give_back(counted if right else hashed)
        return right

    async def count_right(self, account: str, address: str) -> Counted:
        """Count a password that may be right, before it is looked at: as right, until it is known to be wrong.

        Raises TooManyTries.
        """
        network = network_of(address)
        wanted: Counted = [(self.RIGHT, ("right", account, network)), (self.RIGHT_ADDRESS, ("right", network))]
        return await self.reserve(wanted, _l("Too many attempts. Wait %(wait)s, then try again."))

    async def begin(self, account: str, address: str, *, log: str = "", device: str = "") -> Counted:
        """Count a try at a password before it is looked at; so many at once are no more than that.

        Raises TooManyTries.
        """
        text = _l("Too many wrong attempts. Wait %(wait)s, then try again.")
        if device:
            return await self.reserve([(self.ACCOUNT, ("guess", account, "device", device))], text, log)
        network = network_of(address)
        counted = await self.reserve(
            [(self.ACCOUNT, ("guess", account, network)), (self.ADDRESS, ("guess", network))], text, log
        )
        if await self.windows.hit(self.EVERYWHERE, "everywhere", account):
            return [*counted, (self.EVERYWHERE, ("everywhere", account))]
        slow = _l("Too many attempts to sign in to this account. Wait %(wait)s, then try again, or set a new password.")
        try:
            return counted + await self.reserve([(self.SLOWED, ("slowed", account))], slow)
        except TooManyTries:
            await self.give_back(counted)
            raise

    async def reserve(self, wanted: Counted, text: Text, log: str = "") -> Counted:
        """Count in several windows, or in none of them.

        Raises TooManyTries.
        """
        counted: Counted = []
        for item, whose in wanted:
            if not await self.windows.hit(item, *whose):
                await self.give_back(counted)
                once = type(item)(1, item.multiples)
                first = bool(log) and await self.windows.hit(once, "refused", log, *whose)
                raise TooManyTries(text, wait=await self.windows.wait(item, *whose), first=first)
            counted.append((item, whose))
        return counted

    @contextlib.asynccontextmanager
    async def held(self, counted: Counted) -> AsyncIterator[None]:
        """Take back what was counted when the block does not come to its end."""
        try:
            yield
        except BaseException:
            await self.give_back(counted)
            raise

    async def give_back(self, counted: Counted) -> None:
        """Take back what was counted, as it was no try that counts."""
        for item, whose in counted:
            await self.windows.give_back(item, *whose)


def mailbox_of(address: str) -> str:
    """The mailbox that mails to an address come to, as far as can be told: most servers take `name+anything` for the
    same (RFC 5233), so that one mailbox has any number of addresses."""
    name, _, domain = address.casefold().rpartition("@")
    return f"{name.partition('+')[0] or name}@{domain}"


class MailLimit:
    """Counts mails that are sent because somebody has typed an address.

    Invitations and what confirms an address: five a day to each from one workspace, ten from all of them, and two
    hundred a day for a workspace. Links for passwords go to members alone: five an hour to each, and the newest works
    for an hour, so that whoever asks for them in another's name keeps nobody from having one that works.
    """

    RECEIVER = RateLimitItemPerDay(5)
    ANYWHERE = RateLimitItemPerDay(10)
    WORKSPACE = RateLimitItemPerDay(200)
    LINKS = RateLimitItemPerHour(5)

    def __init__(self, guessing: GuessingLimit) -> None:
        self.guessing = guessing

    @contextlib.asynccontextmanager
    async def counting(self, receiver: str, workspace: int | None = None) -> AsyncIterator[None]:
        """Count a mail of a workspace that is there, or about to be made, and give it back when the block fails.

        The transaction that puts the mail into the outbox is in the block: one that does not commit sends nothing.
        Raises TooManyTries.
        """
        async with self.guessing.held(await self.reserve(receiver, workspace)):
            yield

    async def reserve(self, receiver: str, workspace: int | None) -> Counted:
        """Count a mail in all windows, or in none. Raises TooManyTries."""
        receiver = mailbox_of(receiver)
        # Strangers who sign up with an address are counted apart, so that they keep nobody from inviting it.
        wanted: Counted = [(self.ANYWHERE, ("sign-up" if workspace is None else "mail", receiver))]
        if workspace is not None:
            wanted.append((self.RECEIVER, ("mail", str(workspace), receiver)))
        text = _l("This address has reached its daily email limit. Wait %(wait)s, then try again.")
        counted = await self.guessing.reserve(wanted, text)
        if workspace is None:
            return counted
        text = _l("This workspace has reached its daily email limit. Wait %(wait)s, then try again.")
        try:
            return counted + await self.guessing.reserve(
                [(self.WORKSPACE, ("mail", "workspace", str(workspace)))], text
            )
        except TooManyTries:
            await self.guessing.give_back(counted)
            raise

    @contextlib.asynccontextmanager
    async def counting_link(self, workspace: int, receiver: str) -> AsyncIterator[None]:
        """Count a link for a password that somebody asks for, whether or not the address is known; likewise.

        Raises TooManyTries.
        """
        text = _l("Too many requests. The latest link still works. Wait %(wait)s for another.")
        counted = await self.guessing.reserve([(self.LINKS, ("link", str(workspace), receiver))], text)
        async with self.guessing.held(counted):
            yield

    @contextlib.asynccontextmanager
    async def counting_list(self, receiver: str) -> AsyncIterator[None]:
        """Count a list of somebody's workspaces that is asked for, whether or not the address is known; likewise.

        Raises TooManyTries.
        """
        text = _l("Too many requests for this address. Wait %(wait)s, then try again.")
        counted = await self.guessing.reserve([(self.LINKS, ("list", mailbox_of(receiver)))], text)
        async with self.guessing.held(counted):
            yield
