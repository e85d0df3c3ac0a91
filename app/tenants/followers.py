"""What follows from the facts of a workspace."""

from __future__ import annotations

from app.accounts.facts import AccountEnded, MemberJoined, MemberRenamed, RoleChanged
from app.database import Follower, Shown
from app.tenants.channels import (
    end_following,
    find_changed_people,
    show_logo,
    show_members,
    show_names,
    show_pictures,
    show_rights,
    show_settings,
)
from app.tenants.facts import (
    InvitationChanged,
    InvitationEnded,
    InvitationMade,
    InvitationResent,
    LogoChanged,
    MailConfirmed,
    MemberRestored,
    MemberSuspended,
    PictureChanged,
    SettingChanged,
)
from app.tenants.invitation_ends import end_invitations_to, plan_ends

invitation_ends_planned = Follower(plan_ends, (InvitationMade, InvitationResent))
invitations_ended = Follower(end_invitations_to, (MemberJoined,), notes=(InvitationEnded,))
following_ended = Shown(end_following, (RoleChanged,), find_changed_people)
rights_shown = Shown(show_rights, (RoleChanged,))
members_shown = Shown(
    show_members,
    (
        MemberJoined,
        RoleChanged,
        MemberSuspended,
        MemberRestored,
        AccountEnded,
        InvitationChanged,
        MailConfirmed,
    ),
)
names_shown = Shown(show_names, (MemberRenamed,))
pictures_shown = Shown(show_pictures, (PictureChanged,))
logo_shown = Shown(show_logo, (LogoChanged,))
settings_shown = Shown(show_settings, (SettingChanged,))
