"""What the form of a field has, read and written."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from app.records.choices import CHOICE_COLORS, GivenChoice
from app.records.fields import Field
from app.records.kinds.kind import FieldChoice
from app.records.permissions import LIMITED
from app.records.tables import write_word
from app.tenants.roles import ROLES
from app.web.forms import Form, FormDifference, number_of
from app.web.seen_forms import compare_said
from app.web.texts import Text, _l, is_blank

CHOICE_NAME = re.compile(r"choice-([0-9]{1,6})-name")
# The icons of kinds; those of others are a box.
KIND_ICONS = {
    "text": "type",
    "long_text": "text-align-start",
    "whole_number": "hash",
    "decimal": "decimals-arrow-right",
    "money": "banknote",
    "yes_no": "square-check",
    "choice": "circle-dot",
    "choices": "list-checks",
    "date": "calendar",
    "moment": "calendar-clock",
    "duration": "timer",
    "email": "mail",
    "phone": "phone",
    "link": "link",
    "rating": "star",
    "person": "user",
    "files": "paperclip",
    "record_number": "hash",
    "created_at": "clock",
    "created_by": "user",
    "changed_at": "history",
    "changed_by": "pencil",
}
COLORS = dict(
    zip(
        CHOICE_COLORS,
        (_l("Green"), _l("Amber"), _l("Blue"), _l("Gray"), _l("Red"), _l("Violet")),
        strict=True,
    )
)
# What is ticked or not.
TICKS = ("grouping", "several", "required", "unique")
# What kinds let one choose, as inputs are named.
OPTIONS_OF_KINDS = ("grouping", "digits", "unit", "currency", "most", "several")
# What a form has of a field, as it is compared with what somebody else has saved.
COMPARED = (
    ("label", _l("Name")),
    ("key", _l("Key")),
    ("kind", _l("Type")),
    ("choices", _l("Choices")),
    ("digits", _l("Decimals")),
    ("unit", _l("Unit")),
    ("currency", _l("Currency")),
    ("most", _l("Stars")),
    ("grouping", _l("Show thousands separators")),
    ("several", _l("Several people")),
    ("help", _l("Help text")),
    ("default", _l("Default")),
    ("required", _l("Required: can't be empty")),
    ("unique", _l("Unique: no two records have the same value")),
    ("read_only_for", _l("Read-only for")),
)


def read_field(form: Form) -> dict[str, Any]:
    """What the form says of a field, apart from its kind."""
    return {
        "label": form.text("label", limit=60),
        "required": bool(form["required"]),
        "unique": bool(form["unique"]),
        "help": form.text("help", limit=200, required=False),
        "default": read_default(form),
        "options": read_options(form),
        "read_only_for": form.values.get("read_only_for", []),
        **({"key": form["key"].strip()} if "key" in form else {}),
        **read_given_choices(form),
    }


def read_options(form: Form) -> dict[str, str]:
    """What a form says that kinds let one choose."""
    return {name: form[name] for name in OPTIONS_OF_KINDS if form[name]}


def read_default(form: Form) -> str:
    """The default, of which some kinds have several inputs."""
    several = [each for each in form.values.get("default", []) if each.strip()]
    return "\n".join(several) if len(several) > 1 else form.text("default", limit=500, required=False)


def read_given_choices(form: Form) -> dict[str, list[GivenChoice]]:
    """The choices that a form wants: those that are there, by their ids and in the order of their places, then new
    ones, a name on each line. Programs, and pages of before, name all of them on lines."""
    names = [" ".join(line.split()) for line in form["choices"].splitlines() if not is_blank(line)]
    ids = list_choice_ids(form)
    if not ids:
        return {"choices": list(dict.fromkeys(names))} if "choices" in form else {}
    return {
        "choices": [
            *(
                FieldChoice(
                    id=each,
                    name=" ".join(form[f"choice-{each}-name"].split()),
                    color=form[f"choice-{each}-color"],
                    archived=bool(form[f"choice-{each}-archived"]),
                )
                for each in ids
                if f"choice-{each}-removed" not in form
            ),
            *names,
        ]
    }


def list_choice_ids(form: Form) -> list[int]:
    """The ids of the choices that a form has, in the order of their places."""
    ids = [int(found[1]) for name in form.values if (found := CHOICE_NAME.fullmatch(name))]
    return sorted(ids, key=lambda each: number_of(form[f"choice-{each}-place"]))


def say_choices(form: Form, language: str) -> str:
    """The choices of a form, as they are compared: one on each line, with its colour."""
    lines = []
    for each in read_given_choices(form).get("choices", []):
        if isinstance(each, str):
            lines.append(each)
            continue
        if is_blank(each["name"]):
            continue  # of one that the form says nothing of
        said = [COLORS[each["color"]]] if each["color"] in COLORS else []
        said += [_l("archived")] if each["archived"] else []
        about = ", ".join(text.translate(language) for text in said)
        lines.append(f"{each['name']} ({about})" if about else each["name"])
    return "\n".join(lines)


def say_roles(form: Form, language: str) -> str:
    """The roles of a form that may not change the values, as they are compared."""
    roles = (role for role in LIMITED if role in form.values.get("read_only_for", []))
    return ", ".join(ROLES[role].translate(language) for role in roles)


def say_default(form: Form, field: Field) -> str:
    """The default of a form, as people read it."""
    text = "\n".join(form.values.get("default", []))
    return field.describe_typed(text) if text.strip() else ""


def compare_forms(yours: Form, saved: Form, field: Field, former: Field | None = None) -> list[FormDifference]:
    """What differs between what somebody has typed of a field and what is saved, as people read both; `former` is what
    the field was as its form was opened, where its kind was changed since."""
    return compare_said(lambda form: say_field(form, former or field if form is yours else field), yours, saved)


def say_field(form: Form, field: Field) -> list[tuple[Text, str]]:
    """What a form says of a field, as people read it."""
    said: dict[str, Callable[[], str]] = {
        "kind": lambda: field.kind.label.translate(field.language),
        "choices": lambda: say_choices(form, field.language),
        "read_only_for": lambda: say_roles(form, field.language),
        "default": lambda: say_default(form, field),
    }

    def say(name: str) -> str:
        if name in TICKS:
            return write_word(bool(form[name]), field.language)
        return said[name]() if name in said else form[name]

    return [(label, say(name)) for name, label in COMPARED]


def write_field(field: Field) -> list[tuple[str, str]]:
    """What the form has of a field, as a browser sends it."""
    chosen = field.write(field.default).split("\n") if field.kind.has_choices else [field.spell(field.default)]
    pairs = [
        ("version", str(field.version)),
        ("label", field.label),
        ("help", field.help),
        ("key", field.key),
        *(("default", each) for each in chosen),
        ("kind", field.kind_name),
    ]
    for place, choice in enumerate(field.choices, 1):
        known = {"name": choice["name"], "color": choice["color"], "place": str(place)}
        pairs.extend((f"choice-{choice['id']}-{name}", value) for name, value in known.items())
        if choice["archived"]:
            pairs.append((f"choice-{choice['id']}-archived", "yes"))
    options = {name: field.options[name] for name in OPTIONS_OF_KINDS if name in field.options}
    pairs.extend(
        (name, "yes" if value is True else str(value)) for name, value in options.items() if value is not False
    )
    pairs.extend(("read_only_for", role) for role in field.read_only_for)
    pairs.extend((name, "yes") for name in ("required", "unique") if getattr(field, name))
    return pairs
