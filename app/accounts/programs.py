"""What is called a program that acts for a member: a script, or an agent that came by the Model Context Protocol."""

from __future__ import annotations

from app.web.texts import Text, _l

LONGEST_PROGRAM = 60
# How the name of an agent's token begins where it is written down who acts, so that whoever reads it can tell.
AGENT = "agent: "
# And how the name of a bot's token begins, behind that: a bot may be called as somebody is.
BOT_PROGRAM = "bot: "


def name_program(token: str, *, bot: bool = False, agent: bool = False) -> str:
    """What a program is called that shows a token of this name: of a bot's, or as an agent."""
    return f"{AGENT if agent else ''}{BOT_PROGRAM if bot else ''}{token}"[:LONGEST_PROGRAM]


def is_of_bot(program: str | None) -> bool:
    """Whether what a program is called says that it acts for a bot."""
    return program is not None and program.removeprefix(AGENT).startswith(BOT_PROGRAM)


def name_own_program(program: str) -> Text:
    """What a program is called for the member for whom it acts."""
    if program.startswith(AGENT):
        return _l("Your agent “%(program)s”", program=program.removeprefix(AGENT))
    return _l("Your script “%(program)s”", program=program)


def name_with_program(name: str | None, program: str | None) -> Text:
    """What a member is called who does something, by a program or not; a bot is called one."""
    return say_with_program(name, program, first=True)


def name_inside(name: str | None, program: str | None) -> Text:
    """Likewise, inside of a sentence."""
    return say_with_program(name, program, first=False)


def say_with_program(name: str | None, program: str | None, *, first: bool) -> Text:
    """Likewise, at the beginning of a sentence or inside of one."""
    if program is None:
        return Text("%(name)s", {"name": name})
    if is_of_bot(program):
        if not program.startswith(AGENT):
            return _l("%(name)s (bot)", name=name)
        return _l("An agent for %(name)s (bot)", name=name) if first else _l("an agent for %(name)s (bot)", name=name)
    if program.startswith(AGENT):
        return _l("An agent for %(name)s", name=name) if first else _l("an agent for %(name)s", name=name)
    return _l("%(name)s, with the script “%(program)s”", name=name, program=program)
