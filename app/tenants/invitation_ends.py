"""How invitations end: their time is over, or who one was for has joined otherwise; and when they are deleted."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import bindparam, select, update

from app.accounts.facts import MemberJoined
from app.database import PreparedChange, PreparedSelect, Transaction, UtcDateTime, now
from app.jobs.jobs import ClaimedJob, job, put_job
from app.jobs.sweeps import delete_by_keys, sweeps
from app.tenants.facts import InvitationEnded, InvitationMade, InvitationResent
from app.tenants.invitations import Invitation

# How long after its end an invitation is kept.
INVITATION_KEPT_FOR = timedelta(days=30)

LIST_INVITATIONS_TO = PreparedSelect(
    lambda: select(Invitation.id).where(
        Invitation.email.in_(bindparam("emails")),
        Invitation.revoked_at.is_(None),
        Invitation.uses < Invitation.most_uses,
    )
)
REVOKE_INVITATIONS = PreparedChange(
    lambda: (
        update(Invitation)
        .where(Invitation.id.in_(bindparam("ids")))
        .values(revoked_at=bindparam("at", type_=UtcDateTime()))
    ),
    many=True,
)


@sweeps(Invitation)
async def delete_ended_invitations(transaction: Transaction, limit: int) -> int:
    """Delete what has ended long ago; a used or revoked one has reached its end by then, too."""
    return await delete_by_keys(
        transaction, Invitation, Invitation.expires_at < now() - INVITATION_KEPT_FOR, limit=limit
    )


async def plan_ends(transaction: Transaction, facts: Sequence[InvitationMade | InvitationResent]) -> None:
    """Let lists of invitations that are open follow when these end."""
    for fact in facts:
        await put_job(
            transaction,
            "invitation end",
            key=str(fact.invitation_id),
            workspace_id=transaction.tenant.id,
            at=fact.ends_at,
            invitation=fact.invitation_id,
        )


async def end_invitations_to(transaction: Transaction, facts: Sequence[MemberJoined]) -> None:
    """Who has joined needs no invitation to their address any more, whichever way they came."""
    ids = await transaction.column(LIST_INVITATIONS_TO, emails=[fact.email for fact in facts])
    if not ids:
        return
    await transaction.apply(REVOKE_INVITATIONS, ids=ids, at=now())
    for invitation_id in ids:
        transaction.note(InvitationEnded(by=transaction.actor, invitation_id=invitation_id))


@job("invitation end")
async def note_invitation_end(work: ClaimedJob) -> None:
    """An invitation has ended; one that was renewed meanwhile ends later."""
    async with work.finishing() as transaction:
        invitation_id = work.payload["invitation"]
        ends = select(Invitation.expires_at).where(Invitation.id == invitation_id)
        end = await transaction.scalar(ends)
        if end is not None and end > now():
            work.again = end
        else:
            transaction.note(InvitationEnded(by=transaction.actor, invitation_id=invitation_id))
