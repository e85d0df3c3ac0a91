"""Tables, and what was exported as JSON, are imported: after a look at what it would do, as on pages."""

from __future__ import annotations

from typing import Any

from litestar import Response

from app.accounts.access import AnyRequest, read_signed_in
from app.accounts.members import Member
from app.database import Transaction
from app.programs.endpoints.collections import COLLECTION
from app.programs.import_shapes import (
    LONGEST_TABLE,
    ImportDone,
    ImportGiven,
    ImportLooked,
    PartDone,
    TableGiven,
    read_import_part,
    refuse_other_plan,
    shape_plan,
    shape_report,
    sum_parts,
)
from app.programs.kept_answers import is_part_done, write_once
from app.programs.problems import Problem
from app.programs.routes import adds
from app.records.access import enter_collection
from app.records.import_writing import ImportReport, note_imported, take_part, write_lines
from app.records.imports import Plan, parse_import, plan_import
from app.records.limits import SHORT_TABLE, ImportLimit
from app.tenants.locales import LOCALES
from app.web.bodies import parse_in_turn
from app.web.endings import end_early
from app.web.texts import drop_noncharacters

IMPORT_PATH = COLLECTION + "/import"
# In JSON, letters take up to six bytes.
GIVEN_LIMIT = 6 * LONGEST_TABLE


async def read_plan(request: AnyRequest, member: Member, slug: str, given: TableGiven) -> Plan:
    """What a table would do. The request's transaction is ended: to parse it may take long. Raises a 422 problem, and a
    412 one where it was looked at with another definition of the fields; once a part of it was written, what is left is
    not written otherwise."""
    if given.locale and given.locale not in LOCALES:
        raise Problem("invalid", errors={"locale": "There is no such locale."})
    text = drop_noncharacters(given.table)
    await end_early(request.scope)
    parsed = await parse_in_turn((member.tenant_id, member.id), parse_import, text)
    async with read_signed_in(request) as (reading, reader):
        collection = (await enter_collection(reading, reader, slug, "import into")).collection
        plan = await plan_import(reading, collection, reader, parsed, locale=given.locale)
        if plan.errors:
            raise Problem("invalid", errors={"table": plan.errors[0]})
        if isinstance(given, ImportGiven) and given.definition != plan.shown_definition:
            if not await is_part_done(request, reading, 0):
                raise refuse_other_plan(plan)
            plan.definition = ()
    return plan


@adds(IMPORT_PATH + "/preview", scope="records:write", status_code=200, writes=False, request_max_body_size=GIVEN_LIMIT)
async def preview_import(
    request: AnyRequest, transaction: Transaction, member: Member, importing: ImportLimit, slug: str, data: TableGiven
) -> ImportLooked:
    """What importing a table would do, line by line. Nothing is changed."""
    await enter_collection(transaction, member, slug, "import into")
    async with importing.turn(member, long=len(data.table) > SHORT_TABLE):
        return shape_plan(await read_plan(request, member, slug, data))


@adds(
    IMPORT_PATH,
    scope="records:write",
    status_code=200,
    writes=False,
    answers=(412,),
    request_max_body_size=GIVEN_LIMIT,
)
async def import_by_program(
    request: AnyRequest, transaction: Transaction, member: Member, importing: ImportLimit, slug: str, data: ImportGiven
) -> Response[Any]:
    """Import a table: add what has no number, and change the records that were `seen`, some in each transaction, as
    others wait to write. Where the fields are not those of the look at it any more, nothing is written, and that is
    412. What somebody edits, or has changed since, is left as it is, and so is what won't do; `left` says why. Send an
    `Idempotency-Key`: what is sent again goes on where it was."""
    await enter_collection(transaction, member, slug, "import into")
    seen = {each.number: each.version for each in data.seen}
    async with importing.turn(member, long=len(data.table) > SHORT_TABLE):
        plan = await read_plan(request, member, slug, data)
        done: list[PartDone] = []
        begin = 0
        while lines := take_part(plan, begin):

            async def write(writing: Transaction, author: Member, lines: Any = lines) -> PartDone:
                collection = (await enter_collection(writing, author, slug, "import into")).collection
                report = ImportReport()
                await write_lines(writing, collection, author, plan, lines, seen, report)
                return shape_report(plan, report, len(lines))

            answer, _ = await write_once(request, 200, write, part=begin)
            done.append(read_import_part(answer.content))
            begin += done[-1].lines

        async def finish(writing: Transaction, author: Member) -> ImportDone:
            collection = (await enter_collection(writing, author, slug, "import into")).collection
            total = sum_parts(done)
            note_imported(writing, collection, author, ImportReport(added=total.added, changed=total.changed))
            return total

        answer, _ = await write_once(request, 200, finish)
        return answer


endpoints: list[Any] = [preview_import, import_by_program]
