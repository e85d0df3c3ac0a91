"""What people are told of accounts and announcements, and whose bells count anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from app.accounts.facts import (
    AccountEnded,
    MemberJoined,
    PasswordChanged,
    RoleChanged,
    SignedInFromNewDevice,
)
from app.accounts.members import Member
from app.database import Follower, Shown, Transaction
from app.jobs.jobs import put_job
from app.notifications.channels import (
    Bell,
    push_bells,
    push_bells_of,
    read_bells,
    show_announced,
    show_bells,
    show_followed,
)
from app.notifications.facts import (
    AnnouncementEnded,
    AnnouncementMade,
    AnnouncementWithdrawn,
    MailsDue,
    PreferencesSaved,
)
from app.notifications.following import FollowOf
from app.notifications.mails import mail_at_last, put_mails_job
from app.notifications.notifications import Occasion, notify_all
from app.notifications.withdrawals import withdraw


async def tell_joined(transaction: Transaction, facts: Sequence[MemberJoined]) -> None:
    """Tell everybody who has joined; of several at once nobody is told of those who were there before them."""
    joined = [fact.member_id for fact in facts]
    people = await transaction.find_all(Member, joined)
    await notify_all(
        transaction,
        [
            Occasion(
                ("member", member_id),
                [("newcomer", "viewer")],
                by=people[member_id],
                without=frozenset(joined[place:]),
            )
            for place, member_id in enumerate(joined, 1)
        ],
    )


async def tell_of_accounts(
    transaction: Transaction, facts: Sequence[RoleChanged | PasswordChanged | SignedInFromNewDevice]
) -> None:
    """Tell people what has happened to their accounts. Who is an admin no more loses what only admins see."""
    worded = [word_fact(fact) for fact in facts]
    people = await transaction.find_all(Member, {by_id for _, _, by_id in worded if by_id})
    await notify_all(
        transaction,
        [
            Occasion(
                ("account", fact.member_id), [(kind, [fact.member_id])], by=people.get(by_id or 0), details=details
            )
            for fact, (kind, details, by_id) in zip(facts, worded, strict=True)
        ],
    )
    push_bells(transaction, [fact.member_id for fact in facts])


def word_fact(
    fact: RoleChanged | PasswordChanged | SignedInFromNewDevice,
) -> tuple[str, dict[str, str], int | None]:
    """As what a fact is told, with which details, and by whom where that is said."""
    if isinstance(fact, RoleChanged):
        return "role", {"what": fact.after}, fact.by.member_id
    if isinstance(fact, PasswordChanged):
        return "password", {}, None
    return "sign-in", {"device": fact.device, "network_address": fact.address}, None


async def tell_ended(transaction: Transaction, facts: Sequence[AccountEnded]) -> None:
    """Of somebody whose account has ended nobody is told any more that they have joined. They themselves are told of
    it, and of what they have not been told yet, at the address that they had; a bot had none."""
    await push_bells_of(transaction, "member", [fact.member_id for fact in facts])
    people = await transaction.find_all(Member, {fact.by.member_id for fact in facts if fact.by.member_id})
    await notify_all(
        transaction,
        [
            Occasion(
                ("account", fact.member_id),
                [("ended", [fact.member_id])],
                by=people.get(fact.by.member_id or 0),
                details={"what": "" if fact.what == "left" else "removed"},
            )
            for fact in facts
            if fact.email
        ],
    )
    await mail_at_last(transaction, {fact.member_id: fact.email for fact in facts if fact.email})


async def tell_announced(transaction: Transaction, facts: Sequence[AnnouncementMade]) -> None:
    """Tell everybody what is announced, and have its end noticed."""
    people = await transaction.find_all(Member, {fact.by.member_id for fact in facts if fact.by.member_id})
    await notify_all(
        transaction,
        [
            Occasion(
                ("announcement", fact.announcement_id),
                [("announcement", "viewer")],
                by=people.get(fact.by.member_id or 0),
                details={"excerpt": fact.excerpt},
                held=fact.acknowledge,
            )
            for fact in facts
        ],
    )
    for fact in facts:
        if fact.ends_at is not None:
            tenant_id, announcement_id = transaction.tenant.id, fact.announcement_id
            about: dict[str, Any] = {"workspace_id": tenant_id, "at": fact.ends_at, "announcement": announcement_id}
            await put_job(transaction, "announcement end", **about)


async def take_back_announced(transaction: Transaction, facts: Sequence[AnnouncementWithdrawn]) -> None:
    """Take back what everybody was told."""
    await withdraw(transaction, *((("announcement", fact.announcement_id), None) for fact in facts))


async def count_ended(transaction: Transaction, facts: Sequence[AnnouncementEnded]) -> None:
    """Let the bells of those who have not read an announcement count anew when it is over."""
    await push_bells_of(transaction, "announcement", [each.announcement_id for each in facts], gone=True)


async def count_preferred(transaction: Transaction, facts: Sequence[PreferencesSaved]) -> None:
    """Let the bells of those who want to be told of other things count anew."""
    push_bells(transaction, [fact.member_id for fact in facts])


joined_told = Follower(tell_joined, (MemberJoined,), notes=(MailsDue,))
accounts_told = Follower(tell_of_accounts, (RoleChanged, PasswordChanged, SignedInFromNewDevice), notes=(MailsDue,))
ended_told = Follower(tell_ended, (AccountEnded,), notes=(MailsDue,))
announced_told = Follower(tell_announced, (AnnouncementMade,), notes=(MailsDue,))
announced_taken_back = Follower(take_back_announced, (AnnouncementWithdrawn,))
ended_counted = Follower(count_ended, (AnnouncementEnded,))
preferred_counted = Follower(count_preferred, (PreferencesSaved,))
mails_planned = Follower(put_mails_job, (MailsDue,))
announced_shown = Shown(show_announced, (AnnouncementMade, AnnouncementWithdrawn, AnnouncementEnded))
followed_shown = Shown(show_followed, (FollowOf,))
bells_shown = Shown(show_bells, (Bell,), read_bells)
