"""Why a mail is not sent."""

from __future__ import annotations


class Unreachable(Exception):
    """The server can't be talked to, or does not want us (a wrong password, say): that is no mail's fault."""


class MailRefused(Exception):
    """The server has answered, and does not take this mail: `for_good`, or now."""

    def __init__(self, reason: str, *, for_good: bool) -> None:
        super().__init__(reason)
        self.for_good = for_good


class BrokenOff(Exception):
    """The conversation ended when the server knew whom a mail is for. Nobody knows whether the server has it."""
