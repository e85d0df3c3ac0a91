"""What is told of people: who has joined, and to each person what happens to their own account."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, exists
from sqlalchemy.orm import aliased

from app.accounts.access import AnyRequest
from app.accounts.members import Member, find_member_names
from app.accounts.shell import page_part
from app.database import Transaction
from app.notifications.inbox import note_opened, of_subject
from app.notifications.kinds import (
    NotificationKind,
    Subject,
    SubjectPlace,
    register_subject,
)
from app.web.texts import _l

ACCOUNT_KINDS = (
    NotificationKind(
        "newcomer",
        label=_l("Someone joins the workspace"),
        why=_l("Everyone is told who joins the workspace."),
        one={"": _l("%(title)s joined the workspace")},
        many=_l("%(count)d notifications about %(title)s"),
        icon="users",
        role="viewer",
        on_home="recent",
    ),
    NotificationKind(
        "role",
        label=_l("Your role changes"),
        why=_l("It is about the security of your account."),
        one={
            "": _l("Your role in the workspace was changed"),
            "owner": _l("You are now an owner of the workspace"),
            "admin": _l("You are now an admin of the workspace"),
            "member": _l("You are now a member of the workspace, without admin rights"),
            "viewer": _l("You are now a viewer in the workspace: you can read, but not write"),
            "guest": _l("You are now a guest in the workspace: you see what you are invited to"),
        },
        many=_l("%(count)d notifications about your account"),
        icon="key",
        mail="once",
        fixed=True,
        mail_subject=_l("Your role in %(workspace)s was changed"),
    ),
    NotificationKind(
        "password",
        label=_l("Your password is changed"),
        why=_l("It is about the security of your account."),
        one={"": _l("Your password was changed. If this wasn't you, ask an admin for help right away")},
        many=_l("%(count)d notifications about your account"),
        icon="key",
        mail="once",
        in_app=False,
        fixed=True,
        address="/account/security",
        mail_subject=_l("Your password for %(workspace)s was changed"),
    ),
    NotificationKind(
        "sign-in",
        label=_l("A sign-in from an unknown browser"),
        why=_l("It is about the security of your account."),
        one={"": _l("Someone signed in to your account from a new browser. If this wasn't you, change your password")},
        many=_l("%(count)d notifications about your account"),
        icon="key",
        mail="once",
        in_app=False,
        fixed=True,
        address="/account/security",
        mail_subject=_l("New sign-in to %(workspace)s"),
    ),
    NotificationKind(
        "ended",
        label=_l("Your account is closed"),
        why=_l("It is about the security of your account."),
        one={
            "": _l("Your account was closed. If this wasn't you, ask an admin for help right away"),
            "removed": _l("%(actor)s closed your account"),
        },
        many=_l("%(count)d notifications about your account"),
        icon="key",
        mail="once",
        in_app=False,
        fixed=True,
        mail_subject=_l("Your account in %(workspace)s was closed"),
    ),
)


def may_see_person(member_id: Any, subject_id: Any) -> ColumnElement[bool]:
    """Everybody may see a person who has not been removed; guests don't hear of newcomers at all (`newcomer`)."""
    person = aliased(Member)  # the query around this one may have members of its own
    return exists().where(person.id == subject_id, person.removed_at.is_(None))


def is_own(member_id: Any, subject_id: Any) -> ColumnElement[bool]:
    """One's own account."""
    person = aliased(Member)
    return exists().where(person.id == subject_id, person.id == member_id)


async def find_people_places(transaction: Transaction, ids: Sequence[int]) -> dict[int, SubjectPlace]:
    """Where people are seen."""
    return {
        person: SubjectPlace(name, "/members") for person, name in (await find_member_names(transaction, ids)).items()
    }


async def find_accounts(transaction: Transaction, ids: Sequence[int]) -> dict[int, SubjectPlace]:
    """Where one's own account is seen."""
    return {
        person: SubjectPlace(name, "/account") for person, name in (await find_member_names(transaction, ids)).items()
    }


register_subject(Subject("member", "user", may_see_person, find_people_places))
register_subject(Subject("account", "key", is_own, find_accounts))


@page_part("members", "notifications/_seen.html")
async def members_part(request: AnyRequest, transaction: Transaction, member: Member, about: Any) -> dict[str, Any]:
    """Who looks at the list of members has seen who has joined."""
    await note_opened(request, transaction, member, about_kind="member")
    return {"subject": "member"}


@page_part("account", "notifications/_seen.html")
async def account_part(request: AnyRequest, transaction: Transaction, member: Member, about: Any) -> dict[str, Any]:
    """Who looks at the own account has seen which role it has."""
    await note_opened(request, transaction, member, **of_subject(("account", member.id)))
    return {"subject": f"account-{member.id}"}
