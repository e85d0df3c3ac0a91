"""Ratings: whole numbers that are shown as stars."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from markupsafe import Markup

from app.records.kinds.kind import Definition, Json, fail
from app.records.kinds.numbers import WholeNumberKind
from app.web.forms import Invalid
from app.web.texts import _l

MOST_STARS = 10
# Stars as a page shows them, and as it reads them to those who see none.
STARS = re.compile(r"(?P<stars>\N{BLACK STAR}*)\N{WHITE STAR}*|(?P<number>[0-9]{1,2}) / [0-9]{1,2}")


class RatingKind(WholeNumberKind):
    """Stars. Option: `most`, how many there are."""

    name = "rating"
    label = _l("Rating")
    control = "rating"
    can_be_unique = False
    is_searched = False

    def example_of(self, field: Definition) -> str:
        return str(field.options.get("most", 5))

    def read(self, text: str, field: Definition) -> str:
        shown = STARS.fullmatch(text.strip())
        return super().read((shown["number"] or str(len(shown["stars"] or ""))) if shown else text, field)

    def from_json(self, given: Json | Decimal, field: Definition) -> str:
        is_shown = isinstance(given, str) and STARS.fullmatch(given.strip())
        return str(given) if is_shown else super().from_json(given, field)

    def keep(self, number: Decimal, field: Definition) -> str:
        value = super().keep(number, field)
        most = field.options.get("most", 5)
        if not 0 <= int(value) <= most:
            raise fail("Choose from 1 to %(most)d stars.", most=most)
        return "" if value == "0" else value

    def list_left_out(self, field: Definition) -> Sequence[str]:
        return [str(stars) for stars in range(field.options.get("most", 5) + 1, MOST_STARS + 1)]

    def show(self, value: str, field: Definition) -> Markup:
        most = field.options.get("most", 5)
        stars = "\N{BLACK STAR}" * int(value) + "\N{WHITE STAR}" * (most - int(value))
        label = f"{value} / {most}"
        return Markup('<span class="stars" role="img" aria-label="%s">%s</span>') % (label, stars)

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        most = str(options.get("most") or "5")
        if not most.isascii() or not most.isdigit() or not 2 <= int(most) <= MOST_STARS:
            raise Invalid(most=_l("Enter a number from 2 to %(limit)d.", limit=MOST_STARS))
        return {"most": int(most)}
