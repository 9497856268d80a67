"""Errors of a study file: where each one is, what is wrong, and the text that shows them all."""

from __future__ import annotations

import difflib
import re
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from hpsearch.errors import InputError

# A password may contain any character, unescaped by mistake. So everything up to the last @ of the
# line counts as one, and so does whatever follows a host's colon and is not a number. It is better
# to hide too much than too little.
_PASSWORDS = (
    re.compile(r"(://[^:\s]*:)[^\n]+(?=@|%40)"),
    re.compile(r"(://[^:/@\s]*:)(?!\d+(?:[/?\s\"']|$)|\*)[^/?\s\"'@]+(?=[/?\s\"']|$)"),
    re.compile(
        r"([?&;](?:[^=&;\s]*(?:pass|pwd|secret|token)[^=&;\s]*)=)[^&;\s\"']+", re.IGNORECASE
    ),
)
_LISTED = 12
_WIDEST = 200


@dataclass(frozen=True)
class Diagnostic:
    """One thing to fix.

    Attributes:
        where: the file or the override (`--set trainer.max_epochs=1`) that contains it.
        line: its line in the file, from 1; None where there are no lines.
        path: the dotted name of the value; empty for the file as a whole.
        message: the value, the rule it breaks and what to write instead.
        excerpt: the lines around it, ready to print; may be empty.
    """

    where: str
    line: int | None
    path: str
    message: str
    excerpt: tuple[str, ...] = field(default=(), compare=False)

    def __str__(self) -> str:
        place = self.where if self.line is None else f"{self.where}:{self.line}"
        name = f"{self.path}: " if self.path else ""
        return "\n".join([f"{place}: error: {name}{self.message}", *self.excerpt])


class InvalidValueError(ValueError):
    """A value breaks a rule; the message says which. The caller adds its place."""


class StudyFileError(InputError):
    """A study file has errors; the text shows all of them, and their number.

    Args:
        diagnostics: what is wrong, in the order it was found.
        shown: those that the user has already seen.
    """

    def __init__(
        self, diagnostics: Iterable[Diagnostic], shown: Collection[Diagnostic] = ()
    ) -> None:
        self.diagnostics = tuple(diagnostics)
        self._shown = frozenset(shown)
        super().__init__("\n".join([*map(str, self.diagnostics), _count(self.diagnostics)]))

    @property
    def unseen(self) -> str:
        """The text without what the user has already seen."""
        new = [str(one) for one in self.diagnostics if one not in self._shown]
        return "\n".join([*new, _count(self.diagnostics)])


def excerpt(lines: Sequence[str], line: int) -> tuple[str, ...]:
    """Returns the line (from 1) between its two neighbours, numbered; passwords are masked."""
    numbers = range(max(1, line - 1), min(len(lines), line + 1) + 1)
    return tuple(
        f"{'>' if number == line else ' '} {number:>4} | {_cut(mask(lines[number - 1]))}".rstrip()
        for number in numbers
    )


def _cut(text: str) -> str:
    text = re.sub(r"[\x00-\x08\x0b-\x1f\x7f]", "?", text)
    return text if len(text) <= _WIDEST else f"{text[:_WIDEST]}..."


def in_yaml(value: Any) -> str:
    """Returns a value for a message: nothing and truth values as YAML writes them."""
    words = {None: "null", True: "true", False: "false"}
    return words[value] if value is None or isinstance(value, bool) else repr(value)


def mask(text: str) -> str:
    """Returns the text with the password of any URL in it replaced by stars."""
    for password in _PASSWORDS:
        text = password.sub(r"\1***", text)
    return text


def nearest(word: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Returns the known word most similar to another, if the similarity (0 to 1) is high enough."""
    return next(iter(difflib.get_close_matches(word, sorted(known), n=1, cutoff=likeness)), None)


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Returns the end of a message that proposes the nearest known word, or names the few known."""
    words = sorted({name for name in known if not name.startswith("_")})
    if near := nearest(word, words):
        return f"; did you mean '{near}'?"
    return f"; known here: {', '.join(words)}" if 0 < len(words) <= _LISTED else ""


def _count(diagnostics: Sequence[Diagnostic]) -> str:
    files = [
        diagnostic.where for diagnostic in diagnostics if not diagnostic.where.startswith("--set")
    ]
    subject = files[0] if files else "the command line"
    return f"{subject} has {len(diagnostics)} error{'' if len(diagnostics) == 1 else 's'}"
