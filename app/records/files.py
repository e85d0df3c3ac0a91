"""Files of records: brought before they are saved, then kept with the record as long as it is there.

`files/uploads.py` stores the bytes. A record's values, of now and of its revisions, have the ids; a file belongs to the
record that it was first saved with, and who may see that may fetch it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta

from litestar.exceptions import NotFoundException
from sqlalchemy import BigInteger, ForeignKeyConstraint, Index, String, and_, bindparam, exists, or_, select, update
from sqlalchemy.orm import Mapped, mapped_column

from app.accounts.members import Member
from app.database import Base, PreparedChange, PreparedSelect, Tenanted, Transaction, UtcDateTime, now
from app.files.quota import check_quota, counts_in_quota
from app.files.storing import LONGEST_UPLOAD_KEY
from app.files.uploads import StoredFile
from app.records.access import list_readable
from app.records.collections import Collection
from app.records.fields import Field, list_fields_of
from app.records.kinds.files import NamedFile, name_files
from app.records.records import Record, Values, value_in
from app.records.revisions import Revision
from app.web.forms import Invalid
from app.web.texts import Text as Words
from app.web.texts import _l

# A file that was never saved with a record is kept as long as the draft that may have it.
UNSAVED_FOR = timedelta(days=30)


class RecordFile(Tenanted, Base):
    """A file of a field; before its record is saved, of the member who brought it. `key` names it on disk, and `upload`
    is what its page called the upload.

    There is no foreign key to the record: what is on the disk has to go with the row, so that a sweep deletes both.
    """

    __tablename__ = "record_file"
    __table_args__ = (
        ForeignKeyConstraint(
            ["tenant_id", "collection_id"], ["collection.tenant_id", "collection.id"], ondelete="CASCADE"
        ),
        ForeignKeyConstraint(["tenant_id", "member_id"], ["member.tenant_id", "member.id"]),
        Index("ix_record_file_record", "tenant_id", "record_id"),
        Index("ix_record_file_upload", "tenant_id", "member_id", "upload", unique=True),
    )

    id: Mapped[int] = mapped_column(primary_key=True)
    collection_id: Mapped[int]
    record_id: Mapped[int | None]
    member_id: Mapped[int]
    key: Mapped[str] = mapped_column(String(32))
    upload: Mapped[str | None] = mapped_column(String(LONGEST_UPLOAD_KEY))
    name: Mapped[str] = mapped_column(String(120))
    size: Mapped[int] = mapped_column(BigInteger)
    media_type: Mapped[str] = mapped_column(String(100))
    preview: Mapped[bool]
    created_at: Mapped[datetime] = mapped_column(UtcDateTime, default=now)

    @property
    def named(self) -> NamedFile:
        """The file as a value has it."""
        return NamedFile(self.id, self.preview, self.name)


counts_in_quota(RecordFile.size)


FIND_RECORD_FILE = PreparedSelect(
    lambda: select(RecordFile).where(
        RecordFile.member_id == bindparam("member_id"), RecordFile.upload == bindparam("upload")
    )
)


async def measure_record_upload(transaction: Transaction, upload: str) -> int:
    """How many bytes of who asks are kept already with the key of an upload."""
    about = {"member_id": transaction.actor.member_id, "upload": upload}
    there = await transaction.value(FIND_RECORD_FILE, **about) if upload else None
    return 0 if there is None else there.size


async def add_record_file(
    transaction: Transaction,
    collection: Collection,
    member: Member,
    stored: StoredFile,
    *,
    quota: int,
    upload: str = "",
) -> RecordFile:
    """Note a file that was stored for a record of a collection. What comes again with the same `upload` is the file
    that is there.

    Raises Invalid when the workspace has no room for it, and when what came with `upload` was saved since, or is of
    another collection; `quota` is in bytes.
    """
    there = await transaction.value(FIND_RECORD_FILE, member_id=member.id, upload=upload) if upload else None
    if len(upload) > LONGEST_UPLOAD_KEY or (there is not None and there.collection_id != collection.id):
        raise Invalid(file=_l("This page is out of date. Reload it; what you typed is kept."))
    if there is not None:
        if there.record_id is not None:
            raise Invalid(file=_l("This file was already saved."))
        return there
    await check_quota(transaction, stored.size, quota)
    file = RecordFile(
        collection_id=collection.id,
        record_id=None,
        member_id=member.id,
        key=stored.key,
        upload=upload or None,
        name=stored.name,
        size=stored.size,
        media_type=stored.media_type,
        preview=stored.preview,
    )
    transaction.add(file)
    await transaction.flush()
    return file


LIST_OWN_FILES = PreparedSelect(
    lambda: select(RecordFile).where(
        RecordFile.id.in_(bindparam("ids")),
        or_(
            and_(RecordFile.record_id.is_(None), RecordFile.member_id == bindparam("member_id")),
            RecordFile.record_id == bindparam("own_id"),
        ),
    )
)
KEEP_FILES = PreparedChange(
    lambda: update(RecordFile).where(RecordFile.id.in_(bindparam("ids"))).values(record_id=bindparam("own_id"))
)


async def check_files(
    transaction: Transaction, fields: Sequence[Field], values: Values, record: Record | None, member: Member
) -> list[int]:
    """Look whether the files that values have in fields of files can be theirs: those that the record has had, and what
    the member has brought. They get the names that they came with. Returns the ids of those that are new to the record.

    Raises Invalid for others.
    """
    own = [field for field in fields if values.get(field.ref)]
    before: Mapping[str, str] = record.values if record else {}
    changed = [field for field in own if values[field.ref] != before.get(field.ref)]
    wanted = {file.id for field in changed for file in name_files(values[field.ref])}
    if not wanted:
        return []
    own_id = record.id if record else None
    rows = await transaction.column(LIST_OWN_FILES, ids=wanted, member_id=member.id, own_id=own_id)
    found = {file.id: file for file in rows}
    errors: dict[str, Words] = {}
    for field in changed:
        files = name_files(values[field.ref])
        if any(file.id not in found for file in files):
            errors[field.ref] = _l("A file is no longer available. Remove it and add it again.")
        else:
            values[field.ref] = "\n".join(found[file.id].named.line for file in files)
    if errors:
        raise Invalid(**errors)
    return [file.id for file in found.values() if file.record_id is None]


async def keep_files(transaction: Transaction, record: Record, file_ids: Sequence[int]) -> None:
    """Let files belong to a record that was saved with them."""
    await transaction.apply(KEEP_FILES, ids=file_ids, own_id=record.id)


async def get_record_file(transaction: Transaction, member: Member, file_id: int) -> RecordFile:
    """A file that a member may have: their own, or of a record that they may see. Raises NotFoundException."""
    file = await transaction.get(RecordFile, file_id)
    if file is None or (file.record_id is None and file.member_id != member.id):
        raise NotFoundException
    if file.record_id is not None:
        record = await transaction.get(Record, file.record_id)
        if record is None or not await list_readable(transaction, member, [record]):
            raise NotFoundException
        if not await is_shown(transaction, record, file_id):
            raise NotFoundException
    return file


LIST_VALUES_HAD = PreparedSelect(
    lambda: (
        select(value_in(Revision.values))
        .where(Revision.record_id == bindparam("record_id"), value_in(Revision.values) != "")
        .distinct()
    )
)


async def is_shown(transaction: Transaction, record: Record, file_id: int) -> bool:
    """Whether a record has a file, or had it in a revision, in a field that is there: what removed ones have nobody
    sees."""
    fields = (await list_fields_of(transaction, [record.collection_id]))[record.collection_id]
    own = [field for field in fields.with_replaced() if field.kind_name == "files"]
    if has_file((record.values.get(field.ref, "") for field in own), file_id):
        return True
    for field in own:
        if has_file(await transaction.column(LIST_VALUES_HAD, record_id=record.id, ref=field.ref), file_id):
            return True
    return False


def has_file(values: Iterable[str], file_id: int) -> bool:
    """Whether one of some values has a file."""
    return any(file.id == file_id for value in values for file in name_files(value))


async def delete_unsaved(transaction: Transaction, limit: int) -> list[str]:
    """Delete the files that were never saved, and those of records and collections that are gone for good; the keys of
    what is to be deleted on disk."""
    is_there = exists().where(Record.id == RecordFile.record_id, Record.tenant_id == RecordFile.tenant_id)
    given_up = select(Collection.id).where(Collection.deleted_at < now() - UNSAVED_FOR)
    over = or_(RecordFile.created_at < now() - UNSAVED_FOR, RecordFile.collection_id.in_(given_up))
    unsaved = and_(RecordFile.record_id.is_(None), over)
    gone = and_(RecordFile.record_id.is_not(None), ~is_there)
    found = (await transaction.scalars(select(RecordFile).where(or_(unsaved, gone)).limit(limit))).all()
    for file in found:
        await transaction.delete(file)
    await transaction.flush()
    return [file.key for file in found]
