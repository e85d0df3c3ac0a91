"""What is asked before a member is kept out, removed, or owns the workspace: what that does, and what ends with it."""

from __future__ import annotations

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.questions import Question
from app.accounts.rights import require
from app.accounts.sessions import list_sessions
from app.database import Transaction
from app.tenants.invitations import list_invitations_of
from app.tenants.members import get_other
from app.web.errors import PageError
from app.web.texts import Text, _l, _ln


async def describe_handing_over(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What handing over the workspace does."""
    person = await get_other(transaction, member, request.path_params["member_id"])
    require(member, "hand over to", person)
    if not person.active:
        raise PageError(409, _l("%(name)s is suspended and can't own the workspace.", name=person.name))
    return Question(
        what=_l("Transfer ownership to %(name)s?", name=person.name),
        consequences=[
            _l("%(name)s will become the owner, and you will become an admin.", name=person.name),
            _l("You can't undo this yourself: only %(name)s can.", name=person.name),
        ],
        button=_l("Make %(name)s the owner", name=person.name),
        back=f"/members/{person.id}",
    )


async def list_ends(transaction: Transaction, person: Member) -> list[Text]:
    """What ends at once when somebody is kept out or removed, as far as there is something."""
    sessions, invitations = await list_sessions(transaction, person), await list_invitations_of(transaction, person)
    ends = []
    if sessions:
        signed_out = _ln(
            "%(name)s will be signed out immediately: %(count)d session will end.",
            "%(name)s will be signed out immediately: %(count)d sessions will end.",
            len(sessions),
            name=person.name,
        )
        ends.append(signed_out)
    if invitations:
        revoked = _ln(
            "%(count)d invitation from them will no longer work.",
            "%(count)d invitations from them will no longer work.",
            len(invitations),
        )
        ends.append(revoked)
    return ends


async def describe_suspension(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What keeping somebody out does."""
    person = await get_other(transaction, member, request.path_params["member_id"])
    require(member, "manage", person)
    if not person.active:
        raise PageError(409, _l("%(name)s is already suspended.", name=person.name))
    return Question(
        what=_l("Suspend %(name)s?", name=person.name),
        consequences=[
            *await list_ends(transaction, person),
            _l("They won't be able to sign in until you restore access. Nothing of theirs will be lost."),
        ],
        button=_l("Suspend %(name)s", name=person.name),
        back=f"/members/{person.id}",
    )


async def describe_account_removal(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What taking somebody's account away does."""
    person = await get_other(transaction, member, request.path_params["member_id"])
    require(member, "manage", person)
    return Question(
        what=_l("Remove %(name)s?", name=person.name),
        consequences=[
            *await list_ends(transaction, person),
            _l("The account will be deleted. This can't be undone. What they wrote stays, with their name."),
        ],
        button=_l("Remove %(name)s", name=person.name),
        back=f"/members/{person.id}",
    )
