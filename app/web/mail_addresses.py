"""Mail addresses: which texts are one, and the one form that each has. The library `email-validator` is the judge."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any


@cache
def mail_address_judge() -> Callable[..., Any]:
    """The library's function, imported when the first address is read."""
    import email_validator

    # A workspace may be in a network of its own, whose names end in "local" or "test": the library's way to allow them.
    email_validator.SPECIAL_USE_DOMAIN_NAMES.clear()
    email_validator.validate_email("a@a.test", check_deliverability=False)  # it makes what it needs for the first
    return email_validator.validate_email


def read_mail_address(text: str) -> str:
    """A mail address in its one form: composed letters, the domain in small letters of its own script.

    Raises ValueError for what is none. Nobody is asked whether there is such a domain, which has a dot in any case.
    """
    if "@" not in text:
        raise ValueError(text)
    try:
        found = mail_address_judge()(text, check_deliverability=False, globally_deliverable=False, strict=True)
    except ValueError as error:
        raise ValueError(text) from error
    if "." not in found.domain:
        raise ValueError(text)
    return str(found.normalized)


def account_address(text: str) -> str:
    """A mail address as accounts have it, in small letters. What is none stays as it is: no account has it."""
    typed = text.strip().lower()
    try:
        return read_mail_address(typed).lower()
    except ValueError:
        return typed
