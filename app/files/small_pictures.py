"""Pictures of people and logos, which are small already: where they are, and as every mail program shows them."""

from __future__ import annotations

from pathlib import Path

from app.database import Tenant
from app.files.decoding import TooCostly, TooManyPixels, Undecodable, make_mailable
from app.settings import Settings

# Twice as many pixels as they have in a mail, for screens that show twice as many.
MAILED_WIDTH, MAILED_HEIGHT = 256, 80


def pictures_of(settings: Settings, tenant: Tenant) -> Path:
    """Where the pictures of a workspace are."""
    return settings.data_dir / "pictures" / str(tenant.id)


def convert_for_mail(path: Path, owner: str) -> tuple[str, bytes] | None:
    """A stored picture as JPEG, or as PNG where something of it is transparent; the type and the content.

    Outlook knows no WebP. None for what is not there any more, or can't be converted.
    """
    try:
        return make_mailable(path, MAILED_WIDTH, MAILED_HEIGHT, owner=owner)
    except (OSError, TooCostly, TooManyPixels, Undecodable):
        return None
