"""Notifying: written in the transaction of its cause, and told to open pages with it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import KW_ONLY, dataclass, field
from datetime import datetime
from typing import Any

from msgspec import Struct
from sqlalchemy import bindparam, func, or_, select

from app.accounts.members import Member, Role, are_people
from app.accounts.programs import is_of_bot, name_program
from app.accounts.rights import roles_from
from app.database import NewObject, NewRows, PreparedSelect, Transaction, now
from app.notifications.channels import ShownActivity, push_toasts
from app.notifications.following import Mute
from app.notifications.kinds import NOTIFICATION_KINDS, NotificationKind
from app.notifications.mail_times import mail_moment, read_times
from app.notifications.mails import plan_mails
from app.notifications.models import Activity, Notification
from app.notifications.preferences import Choice, Preference

EVERYBODY = "everybody"
# Whose roles are of a rank, or of any.
ROLES_FROM = {EVERYBODY: roles_from("guest")} | {role: roles_from(role) for role in roles_from("guest")}

LIST_WHOEVER = PreparedSelect(
    lambda: select(Member.id, Member.role).where(
        or_(Member.role.in_(bindparam("roles")), Member.id.in_(bindparam("ids")))
    )
)
# Each with a row for what they have chosen of each kind, and for what they have muted.
LIST_ACTIVE = PreparedSelect(
    lambda: (
        select(Member.id, Member.role, Preference.kind, Preference.in_app, Preference.mail, Mute.subject_id)
        .outerjoin(
            Preference,
            (Preference.tenant_id == Member.tenant_id)
            & (Preference.member_id == Member.id)
            & Preference.kind.in_(bindparam("kinds")),
        )
        .outerjoin(
            Mute,
            (Mute.tenant_id == Member.tenant_id)
            & (Mute.member_id == Member.id)
            & (Mute.subject_kind == bindparam("subject_kind"))
            & Mute.subject_id.in_(bindparam("subjects")),
        )
        .where(or_(Member.role.in_(bindparam("roles")), Member.id.in_(bindparam("ids"))), *are_people())
    )
)

FIND_LAST_ACTIVITY = PreparedSelect(lambda: select(func.max(Activity.id)))
LIST_ACTIVITIES_SINCE = PreparedSelect(
    lambda: select(Activity.id).where(Activity.id > bindparam("newest")).order_by(Activity.id)
)

Receivers = Iterable[int] | Role | str


@dataclass(frozen=True, slots=True)
class Occasion:
    """Something that members are notified of, each for the first of the `reasons` that holds for them.

    A reason is a kind of notification, and who is notified by it: ids, everybody, or a role, for those of its rank.
    Nobody is notified of what they do themselves (`by`), but for what is always told, nor those `without`. What is
    `held`, to be acknowledged, comes to everybody's inbox: muting and preferences don't keep it away.
    """

    subject: tuple[str, int]
    reasons: Sequence[tuple[str, Receivers]]
    _: KW_ONLY
    by: Member | None = None
    number: int = 0
    without: frozenset[int] = frozenset()
    details: Mapping[str, Any] = field(default_factory=dict)
    held: bool = False


async def notify(transaction: Transaction, *, kind: str, subject: tuple[str, int], to: Receivers, **about: Any) -> None:
    """Notify members by their ids, or everybody, or those of a role's rank, of what happens to a subject; `about` is
    what else an Occasion has."""
    await notify_all(transaction, [Occasion(subject, [(kind, to)], **about)])


async def notify_all(transaction: Transaction, occasions: Iterable[Occasion]) -> None:
    """Notify members of what happens, in as many statements for many occasions and reasons as for one. Everybody is
    notified once of each, and for the best reason."""
    alike: dict[str, list[Occasion]] = defaultdict(list)
    for occasion in occasions:
        alike[occasion.subject[0]].append(occasion)
    for each in alike.values():
        await notify_of_kind(transaction, each)


async def notify_of_kind(transaction: Transaction, occasions: Sequence[Occasion]) -> None:
    """Notify members of what happens to subjects of one kind."""
    kinds = {kind: NOTIFICATION_KINDS[kind] for occasion in occasions for kind, _ in occasion.reasons}
    audience = await read_audience(transaction, occasions, kinds)
    told: dict[Activity, Told] = {}
    for occasion in occasions:
        muted = set() if occasion.held else audience.muting.get(occasion.subject[1], set())
        wanting = [
            (member_id, kinds[kind], choice)
            for kind, ids in list_concerned(occasion, kinds, audience).items()
            for member_id in sorted(ids if kinds[kind].fixed else ids - muted)
            if (choice := audience.choices.get((member_id, kind)) or kinds[kind]).in_app
            or occasion.held
            or choice.mail != "never"
        ]
        if wanting:
            told[activity_of(occasion, transaction.actor.program)] = Told(occasion, wanting)
    if not told:
        return
    moment = now()
    await insert_told(transaction, told, moment)
    shown = [
        ShownActivity(activity, kind, each.occasion.by, member_id, held=each.occasion.held)
        for activity, each in told.items()
        for member_id, kind, choice in each.wanting
        if choice.in_app or each.occasion.held
    ]
    await push_toasts(transaction, shown)


class Told(Struct, frozen=True):
    """Who wants to be told of an occasion: which member, as what, and how: as they have chosen, or else as the kind
    says."""

    occasion: Occasion
    wanting: Sequence[tuple[int, NotificationKind, Choice | NotificationKind]]


async def insert_told(transaction: Transaction, told: Mapping[Activity, Told], moment: datetime) -> None:
    """Write what has happened at a moment, and who is notified of it, and plan the mails about it."""
    mailed = {
        member_id
        for each in told.values()
        for member_id, kind, choice in each.wanting
        if choice.mail != "never" and not kind.fixed
    }
    times = await read_times(transaction, mailed) if mailed else {}
    notified: list[tuple[Activity, dict[str, Any]]] = [
        (
            activity,
            {
                "member_id": member_id,
                "kind": kind.name,
                "subject_kind": activity.subject_kind,
                "subject_id": activity.subject_id,
                "number": activity.number,
                "shown": choice.in_app or each.occasion.held,
                "held": each.occasion.held,
                "mail_at": (
                    moment
                    if kind.fixed
                    else mail_moment(choice.mail, moment, times[member_id])
                    if member_id in mailed
                    else None
                ),
            },
        )
        for activity, each in told.items()
        for member_id, kind, choice in each.wanting
    ]
    rows = [row for _, row in notified]
    if len(told) == 1:
        await transaction.write_together(NewObject(notified[0][0]), NewRows(Notification, rows, link="activity_id"))
    else:
        await insert_activities(transaction, list(told), moment)
        await transaction.insert_rows(Notification, *({**row, "activity_id": each.id} for each, row in notified))
    if due := [row["mail_at"] for row in rows if row["mail_at"]]:
        plan_mails(transaction, due)


class Audience(Struct, frozen=True):
    """Members among whom are those to be notified: by `whoever` they are, their roles and ids; what they have chosen
    of kinds; and who has muted things, by the ids of the things."""

    roles: Mapping[bool, dict[int, str]]
    choices: Mapping[tuple[int, str], Choice]
    muting: Mapping[int, set[int]]


async def read_audience(
    transaction: Transaction, occasions: Sequence[Occasion], kinds: Mapping[str, NotificationKind]
) -> Audience:
    """Read in one statement who may be notified and what they want. What is always told reaches also who may not sign
    in for now, or ever again, whatever they want: that is another one."""
    roles: dict[bool, dict[int, str]] = {False: {}, True: {}}
    choices: dict[tuple[int, str], Choice] = {}
    muting: dict[int, set[int]] = defaultdict(set)
    for whoever in roles:
        meant = [to for each in occasions for kind, to in each.reasons if kinds[kind].fixed is whoever]
        wanted = {
            "roles": {role for to in meant if isinstance(to, str) for role in ROLES_FROM[to]},
            "ids": set[int]().union(*(to for to in meant if not isinstance(to, str))),
        }
        if not any(wanted.values()):
            continue
        if whoever:
            roles[whoever] = dict(await transaction.rows(LIST_WHOEVER, **wanted))
            continue
        asked = [name for name, kind in kinds.items() if not kind.fixed]
        about = {"subject_kind": occasions[0].subject[0], "subjects": {each.subject[1] for each in occasions}}
        for member_id, role, kind, in_app, mail, muted in await transaction.rows(
            LIST_ACTIVE, **wanted, **about, kinds=asked
        ):
            roles[whoever][member_id] = role
            if kind is not None:
                choices[member_id, kind] = Choice(in_app, mail)
            if muted is not None:
                muting[muted].add(member_id)
    return Audience(roles, choices, muting)


def list_concerned(
    occasion: Occasion, kinds: Mapping[str, NotificationKind], audience: Audience
) -> dict[str, set[int]]:
    """Whom an occasion concerns, also if they don't want to know, by the reason for which they are notified."""
    # Of what happens to accounts people are told whoever did it: it may have been somebody with their session.
    themselves = {occasion.by.id} if occasion.by else set()
    before, whom = set(occasion.without), {}
    for kind, to in occasion.reasons:
        fixed = kinds[kind].fixed
        roles = audience.roles[fixed]
        meant = {each for each, role in roles.items() if role in ROLES_FROM[to]} if isinstance(to, str) else set(to)
        whom[kind] = (meant & roles.keys()) - before - (set() if fixed else themselves)
        before |= whom[kind]
    return whom


async def insert_activities(transaction: Transaction, activities: Sequence[Activity], moment: datetime) -> None:
    """Write several things that have happened at a moment, and note the ids.

    SQLite tells the ids of new rows for one row at a time, so those are read: nobody else writes into the workspace
    meanwhile.
    """
    newest = await transaction.value(FIND_LAST_ACTIVITY) or 0
    names = ("subject_kind", "subject_id", "number", "actor_id", "details")
    rows = [{name: getattr(each, name) for name in names} | {"created_at": moment} for each in activities]
    await transaction.insert_rows(Activity, *rows)
    ids = await transaction.column(LIST_ACTIVITIES_SINCE, newest=newest)
    for activity, activity_id in zip(activities, ids, strict=True):
        activity.id, activity.created_at = activity_id, moment


def activity_of(occasion: Occasion, program: str | None) -> Activity:
    """What is kept of an occasion, for all who are told of it, with the program that has done it for somebody."""
    details = dict(occasion.details)
    if occasion.by is not None and occasion.by.bot and not is_of_bot(program):
        program = name_program(program or "", bot=True)
    if program is not None and occasion.by is not None:
        details["program"] = program
    return Activity(
        subject_kind=occasion.subject[0],
        subject_id=occasion.subject[1],
        number=occasion.number,
        actor_id=occasion.by.id if occasion.by else None,
        details=details,
    )
