"""What the home page shows of the workspace itself: that a new one is for others, too."""

from __future__ import annotations

from sqlalchemy import ColumnElement, bindparam, exists, or_

from app.accounts.home import first_step
from app.accounts.members import Member
from app.tenants.invitations import Invitation
from app.web.texts import _l


@first_step(_l("Invite people"), (_l("Invite"), "/members#invite"), order=20)
def has_invited() -> ColumnElement[bool]:
    """Whether somebody beside who looks is there, or was invited."""
    return or_(exists().where(Invitation.most_uses > 0), exists().where(Member.id != bindparam("reader_id")))
