"""Files and pictures. A value has a line for each: its id, whether there is a small picture of it, and its name.

They are brought by an upload (`records/files.py`), and no text that is typed becomes one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from markupsafe import Markup
from msgspec import Struct

from app.records.kinds.kind import Cell, Definition, FieldKind, Json, fail
from app.web.texts import _l, keep_direction

MOST_FILES_OF_A_FIELD = 10
FILE_LINE = re.compile(r"([1-9][0-9]{0,17}) ([pf]) (.{1,200})")


class NamedFile(Struct, frozen=True):
    """A file of a value."""

    id: int
    preview: bool
    name: str

    @property
    def line(self) -> str:
        """The line that stands for it in a value."""
        return f"{self.id} {'p' if self.preview else 'f'} {' '.join(self.name.split())}"

    @property
    def address(self) -> str:
        """Where it is fetched."""
        return f"/record-files/{self.id}"


def name_files(value: str) -> list[NamedFile]:
    """The files of a value, or of what a form has; what is no file is left out."""
    found = (FILE_LINE.fullmatch(line.strip()) for line in value.split("\n"))
    return [NamedFile(int(each[1]), each[2] == "p", each[3]) for each in found if each]


def read_named_file(given: Json) -> NamedFile:
    """A file as JSON has it: its id will do, as it is called what it came with. Raises KeyError and TypeError."""
    told: Any = given if isinstance(given, dict) else {"id": given}
    if type(told["id"]) is not int:
        raise TypeError
    return NamedFile(told["id"], bool(told.get("preview")), str(told.get("name") or "file"))


class FilesKind(FieldKind):
    """Files, in the order in which they were brought."""

    name = "files"
    label = _l("Files and pictures")
    control = "files"
    can_be_unique = False
    is_typed = False

    def files(self, value: str) -> list[NamedFile]:
        """The files of a value, or of what a form has."""
        return name_files(value)

    def join(self, typed: Sequence[str], field: Definition) -> str:
        return "\n".join(dict.fromkeys(line.strip() for each in typed for line in each.split("\n") if line.strip()))

    def read(self, text: str, field: Definition) -> str:
        lines = [line.strip() for line in text.split("\n") if line.strip()]
        files = {each.id: each for each in name_files(text)}
        if len(files) != len(lines):
            raise fail("Files are uploaded; they can't be typed.")
        if len(files) > MOST_FILES_OF_A_FIELD:
            raise fail("At most %(limit)d files; this has %(count)d.", limit=MOST_FILES_OF_A_FIELD, count=len(files))
        return "\n".join(each.line for each in files.values())

    def describe(self, value: str, field: Definition) -> str:
        return "; ".join(each.name for each in name_files(value))

    def describe_unread(self, text: str, field: Definition, kept: str = "") -> str:
        return self.describe(text, field) or text

    def show(self, value: str, field: Definition) -> Markup:
        picture = Markup(
            '<a href="{0}" hx-boost="false"><img class="thumbnail" src="{0}/preview" alt="{1}" loading="lazy"></a>'
        )
        file = Markup('<a class="link" href="{}" hx-boost="false" download>{}</a>')
        shown = [(picture if each.preview else file).format(each.address, each.name) for each in name_files(value)]
        return Markup('<span class="files">{}</span>').format(Markup(" ").join(shown))

    def cell(self, value: str, field: Definition) -> Cell:
        return "\n".join(keep_direction(each.name) for each in name_files(value)) or None

    def to_json(self, value: str, field: Definition) -> Json:
        return [{"id": each.id, "name": each.name, "preview": each.preview} for each in name_files(value)]

    def from_json(self, given: Json, field: Definition) -> str:
        if not isinstance(given, list):
            return super().from_json(given, field)
        try:
            return "\n".join(read_named_file(each).line for each in given)
        except (KeyError, TypeError) as error:
            raise fail("This is not of the right type.") from error
