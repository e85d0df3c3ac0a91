"""What a kind of field is: everything about its values, from what is typed to what a spreadsheet gets."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Protocol, TypedDict

from babel import Locale
from markupsafe import Markup, escape
from msgspec import Struct

from app.folding import fold
from app.records.kinds.collation import LAST, SORT_KEY_LIMIT, collate
from app.web.texts import TOO_MANY_MARKS, Text, _l, drop_noncharacters, has_heaps, is_blank, keep_direction

if TYPE_CHECKING:
    from app.records.kinds.choices import ChoiceIndex
    from app.records.kinds.known_people import People

# More than any value has, so that no longer one is looked at.
LONGEST_VALUE = 100_000


class FieldChoice(TypedDict):
    """One of the choices of a field. Values have its `id`, so that it may be called otherwise.

    An archived one can't be chosen any more; records that have it keep it.
    """

    id: int
    name: str
    color: str
    archived: bool


class Definition(Protocol):
    """What kinds know of the field that a value is of: its choices in their order, what else was chosen for it (each
    kind says in `options` what), the locale in which numbers and dates are written, the language of the workspace, in
    which time zone whoever asks lives and in which the members do, and who is in the workspace."""

    @property
    def choices(self) -> Sequence[FieldChoice]: ...

    indexed: ChoiceIndex

    @property
    def kind(self) -> FieldKind: ...

    @property
    def options(self) -> Mapping[str, Any]: ...

    @property
    def locale(self) -> Locale: ...

    @property
    def language(self) -> str: ...

    @property
    def zone(self) -> str: ...

    @property
    def zones(self) -> tuple[str, ...]: ...

    @property
    def people(self) -> People: ...


class Link(Struct, frozen=True):
    """A cell that leads to an address."""

    address: str


# What a spreadsheet gets for a value: each as what it is. None for an empty one.
Cell = str | Decimal | date | datetime | timedelta | bool | Link | None
# What programs get and give.
Json = str | int | bool | list[Any] | dict[str, Any] | None


def fail(message: str, **values: object) -> ValueError:
    """A ValueError that carries a text."""
    return ValueError(_l(message, **values))


class FieldKind:
    """A kind of field. A value is stored as text, in one form for each that means the same, and '' stands for none.

    What there is no value of is never asked: `write`, `describe`, `show`, `cell` and the keys get a value that `read`
    has made.
    """

    name: str
    label: Text
    # How it is typed: a template in templates/records/inputs/, and of `line` what its input is.
    control = "line"
    type = "text"
    inputmode = ""
    placeholder = ""
    # Whether searching looks through it, lists have a column of it, its column is aligned to the right.
    is_searched = True
    is_listed = True
    is_numeric = False
    # Whether the same text is another value where numbers and dates are written otherwise.
    is_localized = False
    # Whether a value may go over several lines of a list; a date, say, is read in one.
    breaks = True
    # Whether a value is one long word, as addresses are: it has more room on paper, and is broken after marks in it.
    is_address = False
    can_be_unique = True
    # Whether no value says something, too: it is shown and exported as others are.
    shows_none = False
    has_choices = False
    # Whether a value has a time, which people type and read in their own zones.
    tells_time = False
    # Whether its values are members, who may be called otherwise, are told, and follow.
    names_people = False
    # Whether a text becomes a value of it. What none does is left out where tables are imported.
    is_typed = True
    # What of a record its values are, where the program writes them by itself.
    computed: str = ""

    def affixes(self, field: Definition) -> tuple[str, str]:
        """What stands before and behind the input of a value, as it is not typed."""
        return "", ""

    def join(self, typed: Sequence[str], field: Definition) -> str:
        """What a form has for the field, of all that it sends under its name."""
        return typed[-1] if typed else ""

    def read(self, text: str, field: Definition) -> str:
        """The value of what was typed, which something can be seen of. Raises ValueError with a Text."""
        raise NotImplementedError

    def read_over(self, text: str, field: Definition, before: str) -> str:
        """Likewise of what was typed over a value: what that has may stay, though nobody could choose it now."""
        return self.read(text, field)

    def write(self, value: str, field: Definition) -> str:
        """A value as a form has it: reading it gives the same value."""
        return value

    def list_entries(self, value: str) -> list[str]:
        """The values of one each that a value of several has, for which a form has a line each; else itself."""
        return [value]

    def describe(self, value: str, field: Definition) -> str:
        """A value in plain text, for people."""
        return value

    def describe_here(self, value: str, field: Definition) -> str:
        """Likewise, for the one who asks alone: a time in their own zone."""
        return self.describe(value, field)

    def spell(self, value: str, field: Definition) -> str:
        """A value as people would type it: in plain words, which `read` takes for the same value."""
        return self.describe_here(value, field)

    def quote_typed(self, text: str, field: Definition) -> str:
        """What people have written themselves, as they did; '' where a form has something else than they see."""
        return ""

    def describe_unread(self, text: str, field: Definition, kept: str = "") -> str:
        """What was typed and won't do, in plain text; `kept` has what values have, which whoever asks may see."""
        return text

    def show(self, value: str, field: Definition) -> Markup:
        """A value on a page."""
        return escape(keep_direction(self.describe(value, field)))

    def search_text(self, value: str, field: Definition) -> str:
        """What searching finds of a value."""
        return self.describe(value, field)

    def sort_key(self, value: str, field: Definition) -> str:
        """What lists are sorted by: texts in the order of their code points."""
        return collate(self.describe(value, field))

    def unique_key(self, value: str, field: Definition) -> str:
        """What values that count as the same have in common."""
        return fold(value)

    def cell(self, value: str, field: Definition) -> Cell:
        """A value for a spreadsheet."""
        return self.describe(value, field) or None

    def cell_format(self, value: str, field: Definition) -> str:
        """How a spreadsheet shows the number that a value is, in Excel's codes; '' as it shows any."""
        return ""

    def to_json(self, value: str, field: Definition) -> Json:
        """A value, or none, for programs."""
        return value or None

    def from_json(self, given: Json, field: Definition) -> str:
        """What `to_json` has given, as text that can be read. Raises ValueError with a Text for another type."""
        if given is None:
            return ""
        if not isinstance(given, str):
            raise fail("This is not of the right type.")
        return given

    def from_name(self, text: str, field: Definition) -> str:
        """What somebody wrote who knows no ids, in a table or as a text of JSON, as text that can be read: there is no
        reference in it that only looks like one. Raises ValueError with a Text."""
        return text

    def list_left_out(self, field: Definition) -> Sequence[str]:
        """What those values are like, as patterns of SQL, that other options of the field allowed and these don't."""
        return ()

    def check_options(self, options: Mapping[str, Any]) -> Mapping[str, Any]:
        """What is kept of what was chosen for a field of this kind. Raises Invalid."""
        return {}


class FieldValues:
    """What is done with values of a field, which its kind knows; and is not asked where there is none."""

    def read(self: Definition, text: str, before: str = "") -> str:
        """The value of what was typed, over the one of before; '' for what nobody can see. Raises ValueError with a
        Text."""
        if len(text) > LONGEST_VALUE:
            raise fail("At most %(limit)d characters.", limit=LONGEST_VALUE)
        text = drop_noncharacters(keep_direction(text))
        if has_heaps(text):
            raise ValueError(TOO_MANY_MARKS)
        text = unicodedata.normalize("NFC", text)
        return "" if is_blank(text) else self.kind.read_over(text, self, before)

    def write(self: Definition, value: str) -> str:
        """A value as a form has it."""
        return self.kind.write(value, self) if value else ""

    def describe(self: Definition, value: str) -> str:
        """A value in plain text."""
        return self.kind.describe(value, self) if value or self.kind.shows_none else ""

    def describe_here(self: Definition, value: str) -> str:
        """Likewise, for the one who asks alone: a time in their own zone."""
        return self.kind.describe_here(value, self) if value or self.kind.shows_none else ""

    def spell(self: Definition, value: str) -> str:
        """A value as people would type it."""
        return self.kind.spell(value, self) if value or self.kind.shows_none else ""

    def show(self: Definition, value: str) -> Markup:
        """A value on a page; an empty one is nothing, but for those to whom a page is read."""
        if value or self.kind.shows_none:
            return self.kind.show(value, self)
        return Markup("")

    def cell(self: Definition, value: str) -> Cell:
        """A value for a spreadsheet."""
        return self.kind.cell(value, self) if value or self.kind.shows_none else None

    def sort_key(self: Definition, value: str) -> str:
        """What a value is sorted by, as much of it as is kept; an empty one comes last."""
        says = value or self.kind.shows_none
        return (self.kind.sort_key(value, self)[:SORT_KEY_LIMIT] if says else "") or LAST
