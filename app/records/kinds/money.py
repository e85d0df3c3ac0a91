"""Amounts of money, which are shown with the currency of their field."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from functools import lru_cache
from typing import Any

from babel import Locale
from babel.numbers import format_currency, get_currency_precision, get_currency_symbol, list_currencies

from app.records.kinds.affixes import list_signs
from app.records.kinds.kind import Definition
from app.records.kinds.numbers import DecimalKind
from app.records.kinds.sheet_formats import format_like
from app.web.forms import Invalid
from app.web.texts import _l


class MoneyKind(DecimalKind):
    """An amount of money. Option: `currency`, by its three letters (ISO 4217)."""

    name = "money"
    label = _l("Money")
    digits = 2

    def describe(self, value: str, field: Definition) -> str:
        return write_money(value, field.options.get("currency", "EUR"), field.locale)

    def cell_format(self, value: str, field: Definition) -> str:
        currency = field.options.get("currency", "EUR")
        return format_of_money(currency, field.locale)

    def list_affixes(self, field: Definition) -> tuple[str, ...]:
        return list_signs(field.options.get("currency", "EUR"), field.locale)

    def affixes(self, field: Definition) -> tuple[str, str]:
        symbol = self.list_affixes(field)[0]
        is_before = field.locale.currency_formats["standard"].pattern.startswith("\N{CURRENCY SIGN}")
        return (symbol, "") if is_before else ("", symbol)

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        currency = str(options.get("currency") or "").strip().upper()
        if currency not in list_currencies():
            raise Invalid(currency=_l("Enter the three letters of a currency, such as EUR."))
        return {"currency": currency}


@lru_cache(maxsize=4096)
def write_money(value: str, currency: str, locale: Locale) -> str:
    """A stored amount as a locale writes it, with as many digits as the currency has."""
    return str(format_currency(Decimal(value), currency, locale=locale, currency_digits=True))


@lru_cache(maxsize=256)
def format_of_money(currency: str, locale: Locale) -> str:
    """How a spreadsheet shows amounts of a currency."""
    sign, digits = get_currency_symbol(currency, locale), get_currency_precision(currency)
    return format_like(write_money("0", currency, locale), sign, digits)
