"""What the form has of a collection itself: what it is called, and how it is shown."""

from __future__ import annotations

from app.records.collections import COLLECTION_ICONS, Collection
from app.records.field_forms import COLORS
from app.web.forms import Form, Invalid, clean_line
from app.web.texts import Text, _l


def write_about(collection: Collection) -> list[tuple[str, str]]:
    """What the form has of a collection."""
    about = [(name, getattr(collection, name)) for name in ("icon", "color", "description")]
    return [("collection_name", collection.name), *about]


def read_about(form: Form, collection: Collection) -> tuple[str, dict[str, str]]:
    """The name that a form gives a collection, and the rest, of which stays what it lacks. Raises Invalid."""
    for name, value in write_about(collection)[1:]:
        form.values.setdefault(name, [value])
    name = form.text("collection_name", limit=60)
    about = {each: form.text(each, limit=500, required=False) for each in ("icon", "color", "description")}
    form.check()
    return name, about


def say_about(form: Form, language: str) -> list[tuple[Text, str]]:
    """What a form says of a collection, as people read it."""
    icon, color = (
        labels[form[name]].translate(language) if form[name] in labels else form[name]
        for name, labels in (("icon", COLLECTION_ICONS), ("color", COLORS))
    )
    return [
        (_l("Name"), clean_line(form["collection_name"])),
        (_l("Description"), clean_line(form["description"])),
        (_l("Icon"), icon),
        (_l("Color"), color),
    ]


def told_by_inputs(invalid: Invalid) -> dict[str, Text]:
    """What is wrong with a collection, by the inputs of its form."""
    return {"collection_name" if name == "name" else name: text for name, text in invalid.errors.items()}
