"""What was typed while the workspace wrote numbers and dates otherwise: `1.234` is another value in Portuguese.

A form says in which locale it is written (`FORMATS`), and so does a draft. What comes in another one than the
workspace has by now is written anew: it means what it meant to who typed it.
"""

from __future__ import annotations

from collections.abc import Mapping

from babel import Locale, UnknownLocaleError

from app.records.fields import Field, Fields

# The name under which forms and drafts have the locale.
FORMATS = "number-formats"


def bring_into_formats(fields: Fields, typed: Mapping[str, str]) -> dict[str, str]:
    """What a form or a draft has, by the refs of fields, as the workspace writes it now."""
    written_in = typed.get(FORMATS, "")
    if not fields or written_in in ("", fields.written_in):
        return dict(typed)
    try:
        locale = Locale.parse(written_in)
    except (ValueError, UnknownLocaleError):
        return dict(typed)
    known = {field.ref: field for field in (*fields, *fields.removed) if field.kind.is_localized}
    anew = {ref: rewrite_typed(known[ref], text, locale) for ref, text in typed.items() if ref in known}
    return {**typed, **anew, FORMATS: fields.written_in}


def rewrite_typed(field: Field, text: str, locale: Locale) -> str:
    """What was typed in a locale, in that of the field; as it stands where it could not be read."""
    here, field.locale = field.locale, locale
    try:
        value = field.read(text)
    except ValueError:
        return text
    finally:
        field.locale = here
    return field.write(value)
