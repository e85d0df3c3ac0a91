"""Letters: what a mail of a workspace says, as text and as HTML, from two templates that lie beside each other."""

from __future__ import annotations

from typing import Any

from app.database import Tenant
from app.mail.outbox import Content
from app.settings import Settings
from app.web.templates import render


def render_mail(
    settings: Settings,
    tenant: Tenant,
    template: str,
    *,
    receiver: str,
    subject: str,
    headers: dict[str, str] | None = None,
    **shown: Any,
) -> Content:
    """A mail in the workspace's language from `<template>.txt` and `<template>.html`, which tell the same."""
    shown |= {"tenant": tenant, "subject": subject, "home": settings.workspace_url(tenant.slug, "/")}
    text, html = (render(tenant.language, f"{template}.{ending}", **shown) for ending in ("txt", "html"))
    return Content(receiver, subject, text, html, headers or {})
