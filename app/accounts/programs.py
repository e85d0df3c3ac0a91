"""What is called a program that acts for a member: a script, or an agent that came by the Model Context Protocol."""

from __future__ import annotations

from app.web.texts import Text, _l

LONGEST_PROGRAM = 60
# How the name of an agent's token begins where it is written down who acts, so that whoever reads it can tell.
AGENT = "agent: "


def name_agent(token: str) -> str:
    """What an agent is called that shows a token of this name."""
    return f"{AGENT}{token}"[:LONGEST_PROGRAM]


def name_own_program(program: str) -> Text:
    """What a program is called for the member for whom it acts."""
    if program.startswith(AGENT):
        return _l("Your agent “%(program)s”", program=program.removeprefix(AGENT))
    return _l("Your script “%(program)s”", program=program)


def name_with_program(name: str | None, program: str | None) -> Text:
    """What a member is called who does something, by a program or not."""
    if program is None:
        return Text("%(name)s", {"name": name})
    if program.startswith(AGENT):
        return _l("An agent for %(name)s", name=name)
    return _l("%(name)s, by script “%(program)s”", name=name, program=program)
