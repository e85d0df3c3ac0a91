"""Letters: what a mail of a workspace says, as text and as HTML, from two templates that lie beside each other."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from msgspec import Struct

from app.database import Tenant
from app.files.small_pictures import pictures_of
from app.files.uploads import path_of
from app.mail.outbox import Content
from app.settings import Settings
from app.web.colors import WORKSPACE_COLORS
from app.web.templates import render

MAILED_LOGO = "logo@mutirao"


class Face(Struct, frozen=True):
    """Who stands beside what a mail says: by a picture, where there is one that the receiver may see, or initials."""

    id: int
    name: str
    picture: str | None = None

    @property
    def cid(self) -> str:
        """The name of the picture in the mail; '' for none."""
        return f"person-{self.id}@mutirao" if self.picture else ""


def render_mail(
    settings: Settings,
    tenant: Tenant,
    template: str,
    *,
    receiver: str,
    subject: str,
    headers: dict[str, str] | None = None,
    faces: Iterable[Face] = (),
    **shown: Any,
) -> Content:
    """A mail in the workspace's language from `<template>.txt` and `<template>.html`, which tell the same."""
    directory = pictures_of(settings, tenant)
    pictures: dict[str, Path] = {}
    if tenant.logo:
        pictures[MAILED_LOGO] = path_of(directory, tenant.logo)
    pictures |= {face.cid: path_of(directory, face.picture) for face in faces if face.picture}
    shown |= {
        "tenant": tenant,
        "color": WORKSPACE_COLORS[tenant.color],
        "subject": subject,
        "home": settings.workspace_url(tenant.slug, "/"),
        "logo": MAILED_LOGO if tenant.logo else "",
    }
    text, html = (render(tenant.language, f"{template}.{ending}", **shown) for ending in ("txt", "html"))
    return Content(receiver, subject, text, html, headers or {}, pictures)
