"""Texts: of one line, and of several."""

from __future__ import annotations

from markupsafe import Markup

from app.records.kinds.kind import Definition, FieldKind, fail
from app.web.markdown.long_texts import render_long_text
from app.web.texts import _l

LINE_LIMIT = 500
LONG_TEXT_LIMIT = 20_000


def read_line(text: str, limit: int = LINE_LIMIT) -> str:
    """One line of text. Raises ValueError with a Text."""
    value = " ".join(text.split())
    if len(value) > limit:
        raise fail("At most %(limit)d characters; this has %(count)d.", limit=limit, count=len(value))
    return value


class TextKind(FieldKind):
    """One line."""

    name = "text"
    label = _l("Text")

    def read(self, text: str, field: Definition) -> str:
        return read_line(text)


class LongTextKind(FieldKind):
    """Lines of Markdown. Searching, lists and exports have it as it was typed."""

    name = "long_text"
    label = _l("Long text")
    control = "lines"
    is_listed = False
    can_be_unique = False

    def read(self, text: str, field: Definition) -> str:
        value = text.replace("\r\n", "\n").replace("\r", "\n").strip()
        if len(value) > LONG_TEXT_LIMIT:
            raise fail("At most %(limit)d characters; this has %(count)d.", limit=LONG_TEXT_LIMIT, count=len(value))
        return value

    def show(self, value: str, field: Definition) -> Markup:
        return Markup('<div class="prose">%s</div>') % render_long_text(value)
