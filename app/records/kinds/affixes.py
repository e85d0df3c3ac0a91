"""What is written before a number or behind it: the unit of a field, or its currency by symbol or code."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from functools import lru_cache

from babel import Locale
from babel.numbers import get_currency_symbol, list_currencies

from app.folding import fold
from app.records.kinds.kind import fail
from app.web.texts import LANGUAGES

MINUS = re.compile("^[\u2212\u2010-\u2013\ufe63\uff0d]")
SIGN = re.compile("[+-] ?")
# A number with something else before or behind it, in which there are no digits.
BETWEEN = re.compile(r"[+-]?(?P<before>[^\d+-]*)[+-]?\d(?:.*\d)?(?P<after>\D*)", re.DOTALL)


@lru_cache(maxsize=256)
def list_signs(currency: str, locale: Locale) -> tuple[str, ...]:
    """How a currency is written: its code, and its symbols in a locale and in our languages, unless there they are
    another one's."""
    own = get_currency_symbol(currency, locale)
    others = {get_currency_symbol(currency, language) for language in LANGUAGES}
    taken = set(locale.currency_symbols.values())
    return tuple(dict.fromkeys([own, currency, *sorted(others - taken)]))


@lru_cache(maxsize=64)
def list_all_signs(locale: Locale) -> frozenset[str]:
    """How any currency is written, as `fold` gives it."""
    return frozenset(map(fold, {*list_currencies(), *locale.currency_symbols.values()}))


def is_currency(text: str, locale: Locale) -> bool:
    """Whether a text is a currency."""
    return text in list_all_signs(locale) or any(unicodedata.category(each) == "Sc" for each in text)


def without_affixes(text: str, affixes: Iterable[str]) -> str:
    """A number without what stands before it, behind its sign, and after it, whatever its case or width."""
    folded = MINUS.sub("-", fold(text))
    found = SIGN.match(folded)
    sign, rest = (found[0].strip(), folded[found.end() :]) if found else ("", folded)
    known = sorted(map(fold, affixes), key=len, reverse=True)
    before = next((affix for affix in known if rest.startswith(affix)), "")
    rest = rest.removeprefix(before)
    after = next((affix for affix in known if rest.endswith(affix)), "")
    return sign + rest.removesuffix(after).strip()


def refuse_others(text: str, own: str, locale: Locale, *, currencies: bool) -> None:
    """Raise ValueError with a Text when a number has another unit, or another currency, than its own."""
    if found := BETWEEN.fullmatch(fold(text)):
        for other in (found["before"].strip(" .,"), found["after"].strip(" .,")):
            if other and (not currencies or is_currency(other, locale)):
                raise fail(
                    "This is in %(own)s, not in %(other)s.", own=own, other=other.upper() if currencies else other
                )
