"""The facts of operators, which their log holds."""

from __future__ import annotations

from typing import Literal

from app.database import Unlogged


class OperatorActed(Unlogged, frozen=True, kw_only=True):
    """An operator has done something, or was refused. `email` is the operator's, '' for the command line."""

    email: str
    what: Literal["suspended", "restored", "signed in", "refused", "shut out"]
    subject: str = ""
    reason: str = ""
