"""What is asked before a field is removed: in how many records it has a value, and who types into it."""

from __future__ import annotations

from app.accounts.access import AnyRequest
from app.accounts.members import Member
from app.accounts.questions import Question
from app.accounts.rights import require
from app.database import Transaction
from app.records.opening import open_field
from app.records.removing import count_values, list_typing
from app.web.texts import Text, _l, _ln

# Of those who type into a field, how many are named.
MOST_TYPING_NAMED = 10


def say_typing(names: list[str]) -> list[Text]:
    """Who has something in a form that is not saved, and what becomes of that."""
    if not names:
        return []
    shown, others = ", ".join(names[:MOST_TYPING_NAMED]), len(names) - MOST_TYPING_NAMED
    who = _l("It is in the open forms or drafts of %(names)s.", names=shown)
    if others > 0:
        who = _l("It is in the open forms or drafts of %(names)s, and %(count)d more.", names=shown, count=others)
    return [who, _l("They are told, and keep what they have typed until they save.")]


async def describe_field_removal(request: AnyRequest, transaction: Transaction, member: Member) -> Question:
    """What removing a field does, and in how many records."""
    require(member, "manage", "collections")
    slug, key = request.path_params["slug"], request.path_params["key"]
    collection, fields, field = await open_field(transaction, slug, key)
    others = fields[1:] if fields[0] is field else []
    return Question(
        what=_l("Remove the field %(label)s from %(collection)s?", label=field.label, collection=collection.name),
        consequences=[
            _ln(
                "Removes the field %(label)s from %(collection)s, and its value in %(count)d record.",
                "Removes the field %(label)s from %(collection)s, and its values in %(count)d records.",
                await count_values(transaction, field),
                label=field.label,
                collection=collection.name,
            ),
            _l("It will disappear from all lists and forms. You can restore it with its values for 30 days."),
            *(_l("Records will be named by “%(label)s”.", label=each.label) for each in others[:1]),
            *say_typing(await list_typing(transaction, collection, field)),
        ],
        button=_l("Remove field"),
        back=f"/c/{slug}/fields/{field.ref}",
        action=f"/c/{slug}/fields/{field.ref}",
        fields=[("action", "remove")],
    )
