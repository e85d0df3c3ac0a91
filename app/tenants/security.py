"""What the security of a workspace is asked for in forms: how long sessions last, and whether a token is to end."""

from __future__ import annotations

from app.accounts.program_tokens import Token
from app.accounts.questions import Question
from app.tenants.workspaces import SESSION_LENGTHS
from app.web.forms import Form
from app.web.texts import _l


def length_of(form: Form) -> int:
    """For how many days sessions are to last, as a form says; 0 for what is not offered."""
    return next((length for length in SESSION_LENGTHS if str(length) == form["session_days"]), 0)


def ask_to_end(token: Token, *, back: str) -> Question:
    """What ending a token does."""
    return Question(
        what=_l("Revoke the token “%(name)s”?", name=token.name),
        consequences=[
            _l("Its program will be refused immediately. What it edits will be freed, and its streams will end."),
            _l("This can't be undone: the program will need a new token."),
        ],
        button=_l("Revoke token"),
        back=back,
    )
