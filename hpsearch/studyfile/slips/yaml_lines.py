"""What is wrong with a line that is not YAML, in plain words."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

_ANCHOR = re.compile(r"&([\w-]+)")
_NO_COLON = re.compile(r"\s*(?:- )?([\w.-]+)(\s*[:\uff1a=]\s*|\s+)(\S.*)")

# What the parser says, and what to say instead.
_WORDS = {
    "mapping values are not allowed": (
        "a second ': ' in one line; put quotes round the value, or correct the indentation"
    ),
    "found another document": (
        "a second document begins here; write each study into a file of its own"
    ),
    "expected '<document start>'": (
        "this does not continue the line above; a study file has lines of `key: value`"
    ),
    "second occurrence": "the anchor of this line, after &, is that of a line above; rename one",
    "expected alphabetic or numeric character": (
        "the name of an anchor (&) or alias (*) is letters, digits, - and _ right after the sign,"
        " and then a space; put quotes round a text"
    ),
}


def explain_yaml(
    problem: str, line: int, started: int | None, lines: Sequence[str]
) -> tuple[int, str]:
    """Returns the line to change, from 0, and what to do there.

    Args:
        problem: the message of the YAML parser.
        line: the line at which it found the problem, from 0.
        started: the first line of what it was reading; None if it does not say.
        lines: the lines of the file.
    """
    if (conflict := _conflict(lines)) is not None:
        rule = "git has left both versions of a change here"
        return conflict, f"{rule}; keep one, and remove the lines of <<<<<<<, ======= and >>>>>>>"
    if "\\t" in repr(_indent_text(lines, line)):
        return line, "a tab cannot indent; use spaces"
    if "\\t" in problem:
        return line, "a tab cannot stand before a value; use spaces"
    if (
        "expected ':'" in problem
        and started is not None
        and (found := _without_colon(lines, started))
    ):
        return started, found
    if found := _indentation(lines, line):
        return line, found
    if found := next((words for part, words in _WORDS.items() if part in problem), ""):
        return line, found
    if match := re.search(r"found undefined alias '(.*)'", problem):
        return line, _undefined(match[1], line, lines)
    written = line if started is None else min(line, started)
    if "${" in "".join(lines[written : line + 1]):
        return written, 'put quotes round ${...}; another value of the file is "~ref(model.width)"'
    if "while parsing a flow" in problem or "expected ',' or" in problem:
        return line, "a bracket is not closed, or a comma is missing; close every { and ["
    if "found unexpected end of stream" in problem:
        rule = "a quote is not closed; end the text with the quote it begins with"
        return line if started is None else started, rule
    return line, problem


def _without_colon(lines: Sequence[str], line: int) -> str:
    match = (
        _NO_COLON.fullmatch(lines[line].partition(" #")[0].rstrip()) if line < len(lines) else None
    )
    if match and match[3][0] in "<>=!%*/+" and match[0].lstrip().startswith(match[1]):
        return f"this line has no `-`; write `- {match[0].strip()}`, as an entry of a list"
    if match is None:
        return ""
    is_near = {":", "\uff1a"} & {*match[2]}
    rule = "this line has no plain space after a plain colon" if is_near else "this line has no `:`"
    return f"{rule}; write `{match[1]}: {match[3]}`"


def explain_character(code: int) -> str:
    """Returns what to do about a character that no YAML may have."""
    if code:
        return f"the character U+{code:04X} of this line cannot be written; remove it"
    return "a zero byte: the file is damaged, or is not UTF-8 text; restore it, or save it as UTF-8"


def _conflict(lines: Sequence[str]) -> int | None:
    return next((at for at, text in enumerate(lines) if text.startswith("<<<<<<< ")), None)


def _undefined(name: str, line: int, lines: Sequence[str]) -> str:
    """Returns what to do about an alias without an anchor above it."""
    anchors = {match[1]: at for at, text in enumerate(lines) for match in _ANCHOR.finditer(text)}
    if anchors.get(name, line) > line:
        return f"*{name} comes before its anchor; put &{name} here, and *{name} there"
    if name in anchors:
        return f"*{name} has no anchor; an anchor comes before its value, as in width: &{name} 8"
    near = difflib.get_close_matches(name, anchors, n=1)
    remedy = f"did you mean *{near[0]}?" if near else f"write &{name} before the value it is for"
    return f"*{name} has no anchor &{name} above it; {remedy}"


def _indentation(lines: Sequence[str], line: int) -> str:
    """Returns how a line's indentation differs from its neighbours'; empty if it does not."""
    before = [text for text in lines[:line] if text.strip() and not text.lstrip().startswith("#")]
    if line >= len(lines) or not before or not lines[line].strip():
        return ""
    here, above = _indent(lines[line]), _indent(before[-1])
    opened = before[-1].rstrip().endswith((":", "-", ">", "|"))
    if here > above and not opened and not before[-1].lstrip().startswith("-"):
        return _differs(here, above)
    parents = {_indent(text) for text in before}
    if here < above and here not in parents:
        return _differs(here, min(parents - {0} or {above}, key=lambda one: abs(one - here)))
    return ""


def _differs(here: int, neighbours: int) -> str:
    spaces = f"{here} space{'' if here == 1 else 's'}"
    return f"this line begins with {spaces}, its neighbours with {neighbours}; use {neighbours}"


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip(" "))


def _indent_text(lines: Sequence[str], line: int) -> str:
    text = lines[line] if line < len(lines) else ""
    return text[: len(text) - len(text.lstrip())]
