"""Tables, within what a text may cost: a row has a cell for each column, whatever was typed in it, so that short rows
of a wide table would cost most."""

from __future__ import annotations

from collections.abc import Callable

from markdown_it.rules_block import StateBlock, table

from app.web.markdown.work import CELL, spend

MOST_TABLE_COLUMNS = 20
BlockRule = Callable[[StateBlock, int, int, bool], bool]
# By how the line below the head aligns a column. The wall lets no styles through.
ALIGNED = {"text-align:center": "centred", "text-align:right": "right"}


def where_one_may_be(rule: BlockRule) -> BlockRule:
    """The rule for tables, tried where the next line is made as that below a head: most texts have none."""

    def run(state: StateBlock, start: int, end: int, silent: bool) -> bool:
        below = line_of(state, start + 1) if start + 1 < end else ""
        return bool(below) and not below.strip("|:- \t") and rule(state, start, end, silent)

    return run


def bounded_table(state: StateBlock, start: int, end: int, silent: bool) -> bool:
    """A table, unless it has too many columns, or cells than its text may cost: it stays what was typed then."""
    if not table(state, start, end, True):
        return False
    columns = line_of(state, start + 1).strip("|").count("|") + 1
    if columns > MOST_TABLE_COLUMNS:
        return False
    if silent:
        return True
    line = start
    while line < end and line_of(state, line):
        if not spend(CELL * columns):
            return False
        line += 1
    made = len(state.tokens)
    found = table(state, start, end, False)
    for token in state.tokens[made:]:
        if token.type in ("th_open", "td_open"):
            aligned = ALIGNED.get(str(token.attrGet("style")))
            token.attrs = {"class": aligned} if aligned else {}
    return found


def line_of(state: StateBlock, line: int) -> str:
    """A line without what is around it."""
    return state.src[state.bMarks[line] + state.tShift[line] : state.eMarks[line]].strip()
