"""What is pushed of members, invitations and settings; and what members may follow no more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from app.accounts.facts import MemberJoined, MemberRenamed, OfMember, RoleChanged
from app.accounts.members import Member
from app.accounts.rights import is_at_least, may
from app.database import Fact, Partial, Tenant, Transaction
from app.live.log import follow_anew, publish_partial, refresh, tell_of_more
from app.tenants.facts import LogoChanged, PictureChanged, SettingChanged
from app.web.templates import make_partial

# Settings that change how every page looks.
EVERYWHERE = ("language", "locale", "session_days")
# The channels of all pages of a workspace, each of which follows one of them.
EVERYBODYS = ("tenant", "guests")


async def find_changed_people(
    transaction: Transaction, facts: Sequence[RoleChanged]
) -> list[tuple[RoleChanged, Member]]:
    """Who has another role."""
    people = await transaction.find_all(Member, [fact.member_id for fact in facts])
    return [(fact, people[fact.member_id]) for fact in facts]


def end_following(tenant: Tenant, changed: Sequence[tuple[RoleChanged, Member]]) -> Iterator[Partial]:
    """Whose role was a higher one follows nothing from this transaction on but what is their own, until their pages are
    asked anew. Who has a higher one may follow more."""
    for fact, person in changed:
        if not is_at_least(fact.after, fact.before):
            yield follow_anew(
                members=[person.id], keep=["tenant"] if may(person, "follow", "tenant") else [], fact=fact
            )
        else:
            yield tell_of_more(person.id, fact=fact)


def show_rights(tenant: Tenant, facts: Sequence[RoleChanged]) -> Iterator[Partial]:
    """Everything these people see may look different now: to the open pages of each."""
    for member_id, fact in {fact.member_id: fact for fact in facts}.items():
        yield refresh(tenant, f"user.{member_id}", fact=fact)


def show_members(tenant: Tenant, facts: Sequence[Fact]) -> Iterator[Partial]:
    """The list of members has changed, to whoever looks at it."""
    if not all(isinstance(fact, MemberJoined) and fact.founding for fact in facts):
        yield refresh(tenant, "tenant", "members-refresh")
    if any(isinstance(fact, OfMember) and not isinstance(fact, MemberJoined) for fact in facts):
        yield refresh(tenant, "guests", "members-refresh")


def show_names(tenant: Tenant, facts: Sequence[MemberRenamed]) -> Iterator[Partial]:
    """Somebody is called something else: names are everywhere, so that every open page fetches itself."""
    for channel in EVERYBODYS:
        yield refresh(tenant, channel, names=True)


def show_pictures(tenant: Tenant, facts: Sequence[PictureChanged]) -> Iterator[Partial]:
    """Open pages ask for the style sheet of pictures anew."""
    for channel in EVERYBODYS:
        yield make_partial(tenant, channel, "tenants/pictures_push.html", tenant=tenant)


def show_logo(tenant: Tenant, facts: Sequence[LogoChanged]) -> Iterator[Partial]:
    """The workspace's logo, and the page where it is taken away."""
    for channel in EVERYBODYS:
        yield make_partial(tenant, channel, "tenants/logo_push.html", tenant=tenant)
    yield refresh(tenant, "admins", "settings-refresh")


def show_settings(tenant: Tenant, facts: Sequence[SettingChanged]) -> Iterator[Partial]:
    """The workspace's name and color; where everything may look different, every open page fetches itself. The page of
    the settings does in any case."""
    for channel in EVERYBODYS:
        if any(fact.setting in EVERYWHERE for fact in facts):
            yield refresh(tenant, channel)
        if any(fact.setting == "color" for fact in facts):
            yield make_partial(tenant, channel, "tenants/pictures_push.html", tenant=tenant)
        yield make_partial(tenant, channel, "tenants/name_push.html", tenant=tenant)
    yield refresh(tenant, "admins", "settings-refresh")


def push_deliveries(transaction: Transaction, whose: str) -> None:
    """Let the page of a webhook, which waits for what was sent again, show it: `whose` as in `app-3`."""
    publish_partial(transaction, "admins", "live/refresh_push.html", target=f"{whose}-deliveries-refresh")
