"""Code in messages is coloured where its language is named, as far as that takes no longer than the text may cost."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache
from html import escape
from typing import Any

from markdown_it.rules_core import StateCore
from markdown_it.token import Token

from app.web.markdown.work import TOKEN, spend

# As people write them behind the three marks; no other lexer is brought in.
LEXERS = {
    **{name: name for name in ("bash", "c", "cpp", "csharp", "css", "diff", "go", "html", "ini", "java", "json")},
    **{name: name for name in ("javascript", "kotlin", "lua", "php", "python", "ruby", "rust", "sql", "toml")},
    **{name: name for name in ("typescript", "xml", "yaml", "docker", "nginx", "r", "swift")},
    **{"py": "python", "js": "javascript", "ts": "typescript", "sh": "bash", "shell": "bash", "yml": "yaml"},
    **{"c++": "cpp", "c#": "csharp", "cs": "csharp", "rb": "ruby", "rs": "rust", "dockerfile": "docker"},
}
# Of code that is longer, or has longer lines, nothing is coloured: a lexer is not counted within a match.
LONGEST_CODE = 3_000
LONGEST_LINE = 300
# By what the names of tokens begin with, the first that fits.
KINDS = (
    ("Token.Keyword", "code-keyword"),
    ("Token.Name.Tag", "code-keyword"),
    ("Token.Operator.Word", "code-keyword"),
    ("Token.Literal.String", "code-text"),
    ("Token.Generic.Inserted", "code-text"),
    ("Token.Comment", "code-comment"),
    ("Token.Literal.Number", "code-number"),
    ("Token.Generic.Deleted", "code-number"),
    ("Token.Name.Function", "code-name"),
    ("Token.Name.Class", "code-name"),
    ("Token.Name.Attribute", "code-name"),
)


@cache
def open_lexer(name: str) -> Any:
    """The lexer of a language, brought in when it is first needed."""
    from pygments.lexers import get_lexer_by_name  # type: ignore[import-untyped]

    return get_lexer_by_name(name, stripnl=False, ensurenl=False)


@cache
def class_of_token(kind: str) -> str:
    """The class of a kind of token, or an empty text."""
    return next((each for prefix, each in KINDS if kind.startswith(prefix)), "")


def highlight_code(state: StateCore) -> None:
    """The rule that colours the code of a message, behind all that changes its words."""
    for token in state.tokens:
        if token.type == "fence":
            words = token.info.split()
            language = LEXERS.get(words[0].lower()) if words else None
            code = token.content
            fits = len(code) <= LONGEST_CODE and all(len(line) <= LONGEST_LINE for line in code.split("\n"))
            if language and fits:
                token.meta = {**token.meta, "html": "".join(coloured(code, language))}


def coloured(code: str, language: str) -> Iterator[str]:
    """Code as HTML. What the text can't afford is not coloured."""
    done = 0
    for kind, piece in open_lexer(language).get_tokens(code):
        if not spend(TOKEN):
            break
        done += len(piece)
        name = class_of_token(str(kind))
        text = escape(piece, quote=False)
        yield f'<span class="{name}">{text}</span>' if name and not piece.isspace() else text
    yield escape(code[done:], quote=False)


def render_fence(self: Any, tokens: list[Token], place: int, options: Any, env: Any) -> str:
    """Code as it was coloured, or as it was typed."""
    token = tokens[place]
    return f"<pre><code>{token.meta.get('html') or escape(token.content, quote=False)}</code></pre>\n"


def open_table(self: Any, tokens: list[Token], place: int, options: Any, env: Any) -> str:
    """A table, in what it scrolls in."""
    return '<div class="table" tabindex="0"><table>\n'


def close_table(self: Any, tokens: list[Token], place: int, options: Any, env: Any) -> str:
    """Its end."""
    return "</table></div>\n"
