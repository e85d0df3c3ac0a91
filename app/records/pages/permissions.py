"""Pages where admins say who may do what in a collection, and which guests it is open to."""

from __future__ import annotations

from typing import Any

from litestar import Response, get, post

from app.accounts.access import AnyRequest
from app.accounts.choosing import ChoosingLimit, Chosen, list_persons, offer_persons, read_chosen, select_persons
from app.accounts.members import Member, find_members, is_active
from app.accounts.rights import INSIDERS, require
from app.accounts.shell import find_named_people, notice, render_page
from app.database import Transaction
from app.records.collections import Collection, get_collection
from app.records.granting import (
    admit_guests,
    change_permissions,
    dismiss_guest,
    find_guest,
    list_guests,
    list_invitable,
)
from app.records.permissions import DEFAULTS, ONLY_READING, REACHES, Permissions, list_permissions
from app.tenants.invited import offer_things
from app.tenants.roles import ROLES
from app.web.forms import Form, Invalid, number_of
from app.web.paging import clean_query, page_of
from app.web.redirects import see_other
from app.web.seen_forms import refuse_unseen, show_as_saved
from app.web.texts import Text, _l

notice("permissions", _l("Permissions changed. They apply immediately."))
notice(
    "guests-admitted",
    _l("They now have access to the collection."),
    named=_l("%(name)s now has access to the collection."),
    find=find_named_people,
)
notice(
    "guest-dismissed",
    _l("They no longer have access to the collection."),
    named=_l("%(name)s no longer has access to the collection."),
    find=find_named_people,
)

PERMISSIONS = "/c/{slug:str}/permissions"


def write_table(permissions: dict[str, Permissions]) -> list[tuple[str, str]]:
    """The table as a form has it."""
    pairs = []
    for role, each in permissions.items():
        pairs += [(f"{role}-{verb}", "yes") for verb in ("browse", "read", "add") if getattr(each, verb)]
        pairs += [(f"{role}-{verb}", getattr(each, verb)) for verb in ("edit", "delete")]
    return pairs


# The columns of the table.
VERBS = {"browse": _l("Browse"), "read": _l("Read"), "add": _l("Add"), "edit": _l("Edit"), "delete": _l("Delete")}


def say_table(form: Form, language: str) -> list[tuple[Text, str]]:
    """What a form says of each role, as people read it."""
    said = []
    for role in DEFAULTS:
        given = {verb: form[f"{role}-{verb}"] for verb in VERBS}
        words = [
            VERBS[verb].translate(language)
            + (f" ({REACHES[how].translate(language).lower()})" if how in REACHES else "")
            for verb, how in given.items()
            if how not in ("", "none")
        ]
        said.append((ROLES[role], ", ".join(words)))
    return said


def read_permissions(form: Form) -> dict[str, Permissions]:
    """What a form says of each role. What it lacks is not permitted."""

    def reach(role: str, verb: str) -> Any:
        return form[f"{role}-{verb}"] if form[f"{role}-{verb}"] in REACHES else "none"

    return {
        role: Permissions(
            browse=bool(form[f"{role}-browse"]),
            read=bool(form[f"{role}-read"]),
            add=bool(form[f"{role}-add"]),
            edit=reach(role, "edit"),
            delete=reach(role, "delete"),
        )
        for role in DEFAULTS
    }


async def render_permissions(
    request: AnyRequest,
    transaction: Transaction,
    member: Member,
    collection: Collection,
    form: Form | None = None,
    *,
    chosen: Chosen | None = None,
    q: str = "",
    page: str = "",
) -> Response[str]:
    """Who may do what, with what did not do."""
    kept = show_as_saved(write_table(await list_permissions(transaction, collection.id)))
    guests = await list_guests(transaction, collection)
    return await render_page(
        request,
        transaction,
        member,
        "records/permissions.html",
        channels=f"collection.{collection.id}",
        status=409 if form and form.differences else 422 if form and form.errors else 200,
        collection=collection,
        table=form if form and "person" not in form.errors else kept,
        form=form or Form(),
        roles=ROLES,
        permitted=DEFAULTS,
        only_reading=ONLY_READING,
        reaches=REACHES,
        verbs=VERBS,
        guests=page_of(guests, page, query=q, text_of=lambda guest: f"{guest[1]} {guest[2]}"),
        chosen=chosen or Chosen(),
    )


@get(PERMISSIONS)
async def show_permissions(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, q: str = "", page: str = ""
) -> Response[str]:
    """Who may do what in a collection."""
    require(member, "manage", "collections")
    collection = await get_collection(transaction, slug)
    return await render_permissions(request, transaction, member, collection, q=q, page=page)


@post(PERMISSIONS)
async def save_permissions(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form
) -> Response[Any]:
    """Say who may do what in a collection."""
    require(member, "manage", "collections")
    collection = await get_collection(transaction, slug)
    language = transaction.tenant.language
    try:
        saved = write_table(await list_permissions(transaction, collection.id))
        refuse_unseen(form, saved, lambda each: say_table(each, language))
        changed = await change_permissions(transaction, collection, member, read_permissions(form))
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_permissions(request, transaction, member, collection, form)
    return see_other(f"/c/{slug}/permissions{'?done=permissions' if changed else ''}")


LIST_GUEST_CHOICES = select_persons(lambda: (Member.role.not_in(INSIDERS), *is_active()))


@get("/choices/guests")
async def choose_guests(
    transaction: Transaction, member: Member, choosing: ChoosingLimit, q: str = ""
) -> Response[Any]:
    """Guests by letters of their names, for admins."""
    require(member, "manage", "collections")
    await choosing.check(member)
    guests = offer_persons(await list_persons(transaction, LIST_GUEST_CHOICES), clean_query(q))
    return Response([{"value": each.value, "text": each.name, "note": each.email} for each in guests])


@get("/choices/collections")
async def choose_collections(
    transaction: Transaction, member: Member, choosing: ChoosingLimit, q: str = ""
) -> Response[Any]:
    """Collections by letters of their names, for admins who invite guests."""
    require(member, "manage", "collections")
    await choosing.check(member)
    return Response(offer_things(await list_invitable(transaction, member), clean_query(q)))


@post("/c/{slug:str}/guests")
async def add_guests(
    request: AnyRequest, transaction: Transaction, member: Member, slug: str, form: Form
) -> Response[Any]:
    """Open a collection to guests."""
    require(member, "manage", "collections")
    collection = await get_collection(transaction, slug)
    chosen = read_chosen(form, "person", await list_persons(transaction, LIST_GUEST_CHOICES))
    if not chosen.people and not form.errors:
        form.errors["person"] = _l("Type a name or an address.")
    try:
        form.check()
        await admit_guests(transaction, collection, member, await find_members(transaction, chosen.ids))
    except Invalid as invalid:
        form.errors = invalid.errors
        return await render_permissions(request, transaction, member, collection, form, chosen=chosen)
    about = ",".join(map(str, chosen.ids))
    return see_other(f"/c/{slug}/permissions?done=guests-admitted&about={about}")


@post("/c/{slug:str}/guests/remove")
async def remove_guest(transaction: Transaction, member: Member, slug: str, form: Form) -> Response[Any]:
    """Open a collection to a guest no more."""
    require(member, "manage", "collections")
    collection = await get_collection(transaction, slug)
    person = await find_guest(transaction, collection, number_of(form["person"]))
    await dismiss_guest(transaction, collection, member, person)
    return see_other(f"/c/{slug}/permissions?done=guest-dismissed&about={person.id}")


handlers = [show_permissions, save_permissions, choose_guests, choose_collections, add_guests, remove_guest]
