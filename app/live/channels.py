"""Channels: what a page follows, and the rule of each pattern that says who may."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable

from msgspec import Struct

from app.accounts.members import Member
from app.accounts.rights import is_entitled, may
from app.database import Transaction

# Which of the numbers a member may follow.
ChannelRule = Callable[[Transaction, Member, set[int]], Awaitable[Iterable[int]]]


class Pattern(Struct, frozen=True):
    """A kind of channel. `name` is as documented (`room.{id}`); the rule gets the numbers in its place, or 0.

    `presence` is the template that shows who follows the channel, '' when that is nobody's business.
    """

    name: str
    expression: re.Pattern[str]
    rule: ChannelRule
    presence: str


PATTERNS: list[Pattern] = []


def channel(name: str, *, presence: str = "") -> Callable[[ChannelRule], ChannelRule]:
    """Register a pattern such as `room.{id}` with its rule, and the template of its presence if it has one.

    The rule runs in a transaction of the socket's own workspace, so that another workspace's number finds nothing. It
    is asked once for all channels of a page; patterns with the same rule are asked about together.
    """

    def add(rule: ChannelRule) -> ChannelRule:
        expression = re.compile(re.escape(name).replace(r"\{id\}", r"([1-9][0-9]{0,17})"), re.ASCII)
        PATTERNS.append(Pattern(name, expression, rule, presence))
        return rule

    return add


async def list_allowed(transaction: Transaction, member: Member, names: Iterable[str]) -> list[str]:
    """Those of the channels that a member of the transaction's workspace may follow; none of a name of no pattern."""
    found: dict[str, tuple[ChannelRule, int]] = {}
    numbers: dict[ChannelRule, set[int]] = defaultdict(set)
    for name in names:
        for pattern in PATTERNS:
            if match := pattern.expression.fullmatch(name):
                number = int(match[1]) if pattern.expression.groups else 0
                found[name] = pattern.rule, number
                numbers[pattern.rule].add(number)
                break
    allowed = {rule: set(await rule(transaction, member, asked)) for rule, asked in numbers.items()}
    return [name for name, (rule, number) in found.items() if number in allowed[rule]]


def presence_partial(name: str) -> str:
    """The template that shows who follows a channel; '' for a channel without presence."""
    return next((pattern.presence for pattern in PATTERNS if pattern.expression.fullmatch(name)), "")


@channel("tenant", presence="live/here_push.html")
async def everybody(transaction: Transaction, member: Member, numbers: set[int]) -> Iterable[int]:
    """Everybody who belongs to the whole workspace: all but guests."""
    return numbers if may(member, "follow", "tenant") else ()


@channel("guests")
async def guests_only(transaction: Transaction, member: Member, numbers: set[int]) -> Iterable[int]:
    """Guests, of what they too see of the whole workspace."""
    return numbers if not is_entitled(member, "follow", "tenant") and member.grant.holds("people:read") else ()


@channel("admins")
async def admins_only(transaction: Transaction, member: Member, numbers: set[int]) -> Iterable[int]:
    """Admins and owners."""
    return numbers if may(member, "follow", "admins") else ()


@channel("user.{id}")
async def that_person_only(transaction: Transaction, member: Member, numbers: set[int]) -> Iterable[int]:
    """That person alone."""
    return (member.id,)
