"""A field that was changed while somebody had a form of it open."""

from __future__ import annotations

from app.accounts.members import Member
from app.records.fields import Field, Fields
from app.web.forms import Invalid
from app.web.texts import _l


class FieldChanged(Invalid):
    """The field was changed since the version that its form was opened with: by somebody else, or by the member
    themselves, in another tab say. Nothing was written. `former` is what it was, where its kind was changed."""

    status = 409

    def __init__(self, field: Field, member: Member, former: Field | None = None) -> None:
        own = _l("You changed this field somewhere else after you opened it here. Nothing has been saved yet.")
        others = _l("Someone else has changed this field. Nothing has been saved yet.")
        if former is not None and former.kind_name != field.kind_name:
            kinds = {"before": former.kind.label, "after": field.kind.label}
            own = _l(
                "You changed the type of this field somewhere else from %(before)s to %(after)s. "
                "Nothing has been saved yet.",
                **kinds,
            )
            others = _l(
                "Someone else has changed the type of this field from %(before)s to %(after)s. Nothing has been saved"
                " yet.",
                **kinds,
            )
        super().__init__(**{"": own if field.changed_by == member.id else others})


def find_former(fields: Fields, field: Field, name: str) -> Field | None:
    """What a field was that a form is about, whose address has this name: before its kind was changed, if it was."""
    if name in (field.ref, field.key):
        return None
    return next((each for each in fields.removed if each.ref == name), None)


def refuse_before(fields: Fields, field: Field, name: str, member: Member) -> None:
    """Raise FieldChanged where a form is about what a field was before its kind was changed."""
    if former := find_former(fields, field, name):
        raise FieldChanged(field, member, former)
