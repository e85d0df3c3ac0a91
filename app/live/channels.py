"""Channels: what a page follows, and the rule of each pattern that says who may."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from app.accounts.members import Member
from app.database import Transaction

Rule = Callable[[Transaction, Member, int], Awaitable[bool]]


@dataclass(frozen=True, slots=True)
class Pattern:
    """A kind of channel. `name` is as documented (`room.{id}`); the rule gets the number in its place, or 0.

    `presence` is the template that shows who follows the channel, '' when that is nobody's business.
    """

    name: str
    expression: re.Pattern[str]
    rule: Rule
    presence: str


PATTERNS: list[Pattern] = []


def channel(name: str, *, presence: str = "") -> Callable[[Rule], Rule]:
    """Register a pattern such as `room.{id}` with its rule, and the template of its presence if it has one.

    The rule runs in a transaction of the socket's own workspace, so that another workspace's number finds nothing.
    """

    def add(rule: Rule) -> Rule:
        expression = re.compile(re.escape(name).replace(r"\{id\}", r"([1-9][0-9]{0,17})"), re.ASCII)
        PATTERNS.append(Pattern(name, expression, rule, presence))
        return rule

    return add


async def may_follow(transaction: Transaction, member: Member, name: str) -> bool:
    """Whether a member may follow a channel of the transaction's workspace; False for a name of no pattern."""
    for pattern in PATTERNS:
        if match := pattern.expression.fullmatch(name):
            number = int(match[1]) if pattern.expression.groups else 0
            return await pattern.rule(transaction, member, number)
    return False


def presence_partial(name: str) -> str:
    """The template that shows who follows a channel; '' for a channel without presence."""
    return next((pattern.presence for pattern in PATTERNS if pattern.expression.fullmatch(name)), "")


@channel("tenant", presence="live/here_push.html")
async def everybody(transaction: Transaction, member: Member, number: int) -> bool:
    """Everybody in the workspace."""
    return True


@channel("admins")
async def admins_only(transaction: Transaction, member: Member, number: int) -> bool:
    """Admins and owners."""
    return member.has_rank("admin")


@channel("user.{id}")
async def that_person_only(transaction: Transaction, member: Member, number: int) -> bool:
    """That person alone."""
    return member.id == number
