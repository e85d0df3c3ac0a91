"""Forms: what a person typed, read without trust and kept for the page that asks again."""

from __future__ import annotations

import re
import secrets
import unicodedata
from collections.abc import Mapping
from typing import NamedTuple

from app.web.mail_addresses import account_address, read_mail_address
from app.web.texts import TOO_MANY_MARKS, Text, _l, has_heaps, is_blank

# Controls but white space, overrides and isolates of the direction, and halves of characters.
UNSEEN = re.compile("[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u202a-\u202e\u2066-\u2069\ud800-\udfff]")

# What mail programs make links of: an address of any scheme, `www.`, a domain, a number of the internet. Whatever
# stands before a dot may be a domain (letters, emoji, what closes a bracket), and after it two letters are enough, as
# nobody knows all domains; "J.R." is a name, as no domain ends in one letter.
LINKED = re.compile(
    r"[a-z][a-z0-9+.-]*:[/\\]|\b(?:mailto|tel|sms|data|javascript):|\bwww\d*\."
    r"|[^\s.]\.(?:xn--|[^\W\d_]{2})|\b\d+(?:\.\d+){3}\b|[/\\]{2}\w",
    re.IGNORECASE,
)


class Invalid(Exception):
    """An operation was given what it can't take. `errors` has a text for each field, '' for the whole.

    Operations raise it before they change anything. `status` and `headers` are what the page that says so is answered
    with.
    """

    status = 422
    headers: Mapping[str, str] = {}

    def __init__(self, **errors: Text) -> None:
        super().__init__(", ".join(f"{field}: {error.message}" for field, error in errors.items()))
        self.errors = errors

    @property
    def first(self) -> Text:
        """What is wrong, where there is room for one text."""
        return next(iter(self.errors.values()))


class FormDifference(NamedTuple):
    """A part of a form that says something else than what is saved by now, as people read both."""

    label: Text
    yours: str
    saved: str


class Form:
    """The fields of a posted form. The readers below note an error where a value won't do.

    `made` is the address of what was made with another text of it, whose answer the page has not got. `differences` are
    what it says otherwise than what somebody has saved since its page was made (`seen_forms.py`).
    """

    def __init__(self, pairs: list[tuple[str, str]] | None = None, *, errors: Mapping[str, Text] | None = None) -> None:
        self.values: dict[str, list[str]] = {}
        self.errors: dict[str, Text] = dict(errors or {})
        self.made = ""
        self.differences: list[FormDifference] = []
        for name, value in pairs or []:
            self.values.setdefault(name, []).append(value.replace("\0", ""))

    def __getitem__(self, name: str) -> str:
        return self.values.get(name, [""])[-1]

    def __contains__(self, name: str) -> bool:
        return name in self.values

    def text(self, name: str, *, limit: int, required: bool = True) -> str:
        """One line of text, as `clean_line` makes it, of at most `limit` characters."""
        value = clean_line(self[name])
        if required and is_blank(value):
            self.errors[name] = _l("This can't be empty.")
        elif len(value) > limit:
            self.errors[name] = _l("At most %(limit)d characters.", limit=limit)
        elif has_heaps(value):
            self.errors[name] = TOO_MANY_MARKS
        return value

    def name(self, name: str, *, limit: int = 80, kept: str = "") -> str:
        """What a person or workspace is called. It stands in mails to strangers, so it holds no address of a page; one
        that is there from before may be `kept`."""
        value = self.text(name, limit=limit)
        if value != kept and name not in self.errors and is_linked(value):
            self.errors[name] = _l("A name can't contain a web address. After a dot, leave a space.")
        return value

    def email(self, name: str) -> str:
        """An e-mail address, in lower case."""
        value = self.text(name, limit=254).lower()
        if name not in self.errors:
            try:
                return account_address(read_mail_address(value))
            except ValueError:
                self.errors[name] = _l("This does not look like an email address.")
        return value

    def new_password(self, name: str) -> str:
        """A password as typed, long enough to be one."""
        value = self[name]
        if len(value) < 10:
            self.errors[name] = _l("At least 10 characters.")
        elif len(value) > 200:
            self.errors[name] = _l("At most %(limit)d characters.", limit=200)
        return value

    def numbers(self, name: str) -> list[int]:
        """The numbers of things that the form names, of a field that may come often; what is left empty names none.

        Raises Invalid for what is no number: whoever sends one means something by it, and would not be told that
        something else was done.
        """
        typed = [value for value in self.values.get(name, ()) if value]
        for value in typed:
            if not number_of(value) and value != "0":
                text = _l("Nothing here has the number “%(value)s”. Reload the page and choose again.")
                raise Invalid(**{name: Text(text.message, {"value": value[:40]})})
        return [number_of(value) for value in typed]

    def number(self, name: str) -> int:
        """The number of the thing that the form names; 0 where it names none. Raises Invalid."""
        return next(iter(self.numbers(name)[-1:]), 0)

    def check(self) -> None:
        """Raise Invalid when a reader noted an error."""
        if self.errors:
            raise Invalid(**self.errors)


def clean_line(text: str) -> str:
    """A text in one line, trimmed, without what nobody sees and what turns the text of others around: controls, and
    overrides of the direction. Operations do so with every name that they are given, whoever brings it."""
    return " ".join(UNSEEN.sub("", text).split())


def clean_label(name: str, text: str) -> str:
    """Likewise, what something is called, of which there has to be something that people see. Raises Invalid, which
    says so of the field of a name."""
    cleaned = clean_line(text)
    if is_blank(cleaned):
        raise Invalid(**{name: _l("This can't be empty.")})
    if has_heaps(cleaned):
        raise Invalid(**{name: TOO_MANY_MARKS})
    return cleaned


def is_linked(text: str) -> bool:
    """Whether a mail program might make a link of something in a text; look-alikes of a dot are dots to browsers."""
    # Marks are no letters of their own, and nobody sees a joiner or a variation.
    plain = unicodedata.normalize("NFKD", text).replace("\u3002", ".")
    shown = "".join(character for character in plain if unicodedata.category(character) not in ("Cf", "Mn", "Mc", "Me"))
    return LINKED.search(shown) is not None


def number_of(text: str) -> int:
    """An id, version or other number in an address or form; 0, which none of them is, for anything else.

    It has 18 digits at most. Databases hold a little more, in 64 bits, and never come so far; so what is reckoned from
    it, such as the first row of the page after, does not overflow them either.
    """
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else 0


def read_path_number(text: str) -> int:
    """A number in an address, as we write them: `1_0`, `+10` and digits of other scripts are numbers to Python alone.

    Raises ValueError for what is none, which is answered as an address that there is not.
    """
    if not text.isascii() or not text.isdigit():
        raise ValueError("not a number as addresses have them")
    return int(text)


# The field in which a form says for which member its page was made (`ui.mine` in templates/macros.html).
FOR_MEMBER = "for-member"
# The field with the key of a form that makes something (`ui.once`; accounts/form_answers.py).
FORM_KEY = "form-key"


def make_key() -> str:
    """The key of a form, or of a message, that is going to be sent."""
    return secrets.token_urlsafe(16)
