"""What the program knows of each record by itself: its number, and who added and changed it when. Nobody types it."""

from __future__ import annotations

from typing import Literal

from app.records.kinds.kind import Definition, fail
from app.records.kinds.moments import MomentKind
from app.records.kinds.numbers import WholeNumberKind
from app.records.kinds.people import PersonKind
from app.web.texts import _l

Computed = Literal["number", "created_at", "created_by", "changed_at", "changed_by"]


class ComputedKind:
    """Mixin of kinds whose values are computed. They are stored like others, so that lists sort by them."""

    is_typed = False
    can_be_unique = False
    is_searched = False

    def read(self, text: str, field: Definition) -> str:
        """Refuse whatever is typed."""
        raise fail("The program fills this in; it can't be typed.")

    def read_over(self, text: str, field: Definition, before: str) -> str:
        """Likewise."""
        return self.read(text, field)


class RecordNumberKind(ComputedKind, WholeNumberKind):
    """The number of a record in its collection."""

    name = "record_number"
    label = _l("Record number")
    computed: Computed = "number"


class CreatedAtKind(ComputedKind, MomentKind):
    """When a record was added."""

    name = "created_at"
    label = _l("Added at")
    computed: Computed = "created_at"


class CreatedByKind(ComputedKind, PersonKind):
    """Who has added a record."""

    name = "created_by"
    label = _l("Added by")
    computed: Computed = "created_by"


class ChangedAtKind(ComputedKind, MomentKind):
    """When a record was changed last."""

    name = "changed_at"
    label = _l("Changed at")
    computed: Computed = "changed_at"


class ChangedByKind(ComputedKind, PersonKind):
    """Who has changed a record last."""

    name = "changed_by"
    label = _l("Changed by")
    computed: Computed = "changed_by"
