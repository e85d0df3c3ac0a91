"""Long texts of records, rendered before others have to wait for it."""

from __future__ import annotations

from app.accounts.access import AnyRequest, read_signed_in
from app.records.access import enter_collection
from app.records.fields import list_fields
from app.records.forms import read_typed
from app.web.bodies import provide_form, read_body
from app.web.markdown.long_texts import render_long_texts_aside

# The long texts of a shorter form are rendered when they are shown.
SHORT_FORM = 2_000


async def render_typed(request: AnyRequest) -> None:
    """Have the long texts of a record's form rendered before a transaction that writes them begins: others would wait
    for it. Who is not signed in, or must not see the collection, is told so later."""
    if len(await read_body(request)) <= SHORT_FORM:
        return
    form = await provide_form(request)
    async with read_signed_in(request) as (transaction, member):
        access = await enter_collection(transaction, member, request.path_params["slug"], "read")
        fields = await list_fields(transaction, access.collection)
    await render_long_texts_aside(fields.list_long_texts(read_typed(fields, form)))
