"""What there is to count of chat."""

from __future__ import annotations

from sqlalchemy import Select, func, select

from app.chat.attachments import Attachment
from app.tenants.usage import measure


@measure("storage")
def count_storage() -> Select[int, int]:
    """Bytes of attached files."""
    return select(Attachment.tenant_id, func.sum(Attachment.size)).group_by(Attachment.tenant_id)
