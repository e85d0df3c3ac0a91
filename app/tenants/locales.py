"""The locales in which a workspace may write numbers and dates."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from functools import cache

from babel import Locale
from babel.dates import format_date
from babel.numbers import format_decimal

from app.web.texts import _l

# Where people use the program, or may soon. An empty one is what is usual where the workspace's language is spoken.
LOCALES = (
    *("cs_CZ", "da_DK", "de_AT", "de_CH", "de_DE", "el_GR", "en_AU", "en_CA", "en_GB", "en_IE", "en_IN", "en_NZ"),
    *("en_US", "en_ZA", "es_AR", "es_CL", "es_CO", "es_ES", "es_MX", "fi_FI", "fr_BE", "fr_CA", "fr_CH", "fr_FR"),
    *("hu_HU", "it_CH", "it_IT", "ja_JP", "ko_KR", "nb_NO", "nl_BE", "nl_NL", "pl_PL", "pt_BR", "pt_PT", "ro_RO"),
    *("sk_SK", "sv_SE", "tr_TR", "uk_UA"),
)
AS_USUAL = _l("Same as the language")
EXAMPLE = Decimal("1234.5"), date(2026, 1, 31)


@cache
def list_locales(language: str) -> dict[str, str]:
    """What each locale is called in a language, with how it writes a number and a date; by name."""
    number, day = EXAMPLE
    named = {}
    for tag in LOCALES:
        locale = Locale.parse(tag)
        shown = f"{format_decimal(number, locale=locale)} · {format_date(day, 'medium', locale=locale)}"
        named[tag] = f"{name_locale(tag, language)}: {shown}"
    return dict(sorted(named.items(), key=lambda each: each[1]))


def name_locale(tag: str, language: str) -> str:
    """What a locale is called in a language; one that is not among them by its tag."""
    return Locale.parse(tag).get_display_name(language) or tag if tag in LOCALES else tag
