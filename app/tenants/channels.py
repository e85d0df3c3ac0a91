"""What is pushed of members, invitations and settings; and what members may follow no more."""

from __future__ import annotations

from collections.abc import Sequence

from app.accounts.facts import MemberJoined, MemberRenamed, RoleChanged
from app.accounts.members import Member
from app.accounts.rights import may
from app.database import Fact, Transaction
from app.live.log import publish_partial, stop_following
from app.tenants.facts import LogoChanged, PictureChanged, SettingChanged

# Settings that change how every page looks.
EVERYWHERE = ("language", "session_days")


async def end_following(transaction: Transaction, facts: Sequence[RoleChanged]) -> None:
    """Who is an admin no more follows nothing that only admins see, from the partials of this transaction on."""
    people = await transaction.find_all(Member, [fact.member_id for fact in facts])
    for fact in facts:
        if not may(people[fact.member_id], "follow", "admins"):
            stop_following(transaction, member=fact.member_id, channels=["admins"])


async def show_rights(transaction: Transaction, facts: Sequence[RoleChanged]) -> None:
    """Publish that everything these people see may look different now, to the open pages of each."""
    for member_id in dict.fromkeys(fact.member_id for fact in facts):
        publish_partial(transaction, f"user.{member_id}", "live/refresh_push.html", target="refresh")


async def show_members(transaction: Transaction, facts: Sequence[Fact]) -> None:
    """Publish that the list of members has changed, to whoever looks at it."""
    if not all(isinstance(fact, MemberJoined) and fact.founding for fact in facts):
        publish_partial(transaction, "tenant", "live/refresh_push.html", target="members-refresh")


async def show_names(transaction: Transaction, facts: Sequence[MemberRenamed]) -> None:
    """Publish that somebody is called something else: names are everywhere, so that every open page fetches itself."""
    publish_partial(transaction, "tenant", "live/refresh_push.html", target="refresh", names=True)


async def show_pictures(transaction: Transaction, facts: Sequence[PictureChanged]) -> None:
    """Let open pages ask for the style sheet of pictures anew."""
    publish_partial(transaction, "tenant", "accounts/pictures_push.html", tenant=transaction.tenant)


async def show_logo(transaction: Transaction, facts: Sequence[LogoChanged]) -> None:
    """Publish the workspace's logo."""
    publish_partial(transaction, "tenant", "accounts/logo_push.html", tenant=transaction.tenant)


async def show_settings(transaction: Transaction, facts: Sequence[SettingChanged]) -> None:
    """Publish what the workspace is called; where everything may look different, every open page fetches itself."""
    if any(fact.setting in EVERYWHERE for fact in facts):
        publish_partial(transaction, "tenant", "live/refresh_push.html", target="refresh")
    publish_partial(transaction, "tenant", "tenants/name_push.html", tenant=transaction.tenant)
