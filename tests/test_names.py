"""The field's words: terms that were given up for standard ones do not come back, in any text."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parent.parent
FILES = [
    file
    for folder in ("hpsearch", "tests", "benchmarks", "examples", "docs")
    for file in sorted((ROOT / folder).rglob("*.py"))
    if ".venv" not in file.parts and file != Path(__file__)
]
# No part of a name may be one of these words. After each, the field's word for it.
WORDS = {
    "errand": "subprocess call",
    "footing": "progress",
    "ledger": "writer",
    "outbox": "write-behind queue",
    "fate": "exit decision",
    "verdict": "decision",
    "judge": "decide, check, rank",
    "tally": "metrics",
    "whereabouts": "stage",
    "misfit": "mismatch",
    "refusal": "rejection, reason",
    "intruder": "shadowing module",
    "obstacle": "reason",
    "companion": "confirmation study",
    "enlist": "enqueue",
    "wishes": "options",
    "stretch": "interval",
    "pressed": "at the boundary",
    "harmless": "info",
    "damage": "problem",
    "bewitch": "malicious",
    "restless": "nondeterministic",
    "steady": "monotone",
    "loud": "printing",
    "confine": "isolate",
    "branchings": "branch parameters",
    "misused": "usage error",
}
# No name may be one of these, alone.
NAMES = {
    *("call_apart", "door", "ToldToLeave", "told", "CoordinatorGone", "Gone", "die_with"),
    *("adopt_orphans", "Delivery", "Fenced", "Unwritable", "OwnedStorage", "Active", "hear"),
    *("passes", "overdue", "course", "Failures", "Room", "given_up", "settle", "set_aside"),
    *("tidy", "How", "exchange", "Confirmed", "opening", "openings", "gap", "training_gap"),
    *("front", "front_numbers", "find_trained", "Examined", "Subject", "refuse_changes"),
    *("CHANGEABLE", "Fault", "FaultLog", "RuleError", "StudyBlock", "Corner", "doubt_of", "doubt"),
    *("is_sound", "lightning_tree", "scannable", "triple", "Card", "Material", "Words", "Facts"),
    *("Board", "Standings", "_Quiet", "own_way", "gains", "BranchEnd", "branch_ends", "least"),
    *("greatest", "guarded", "checked_file", "sharing", "scoring", "fault", "faults", "refused_by"),
    *("may_scan", "tripled", "tested"),
}
# Fault injection is called so everywhere; in the package, what is wrong with a file is an error.
INJECTED = {"fault", "faults"}
# Where one of them stays, and why.
EXCEPTIONS = {
    "hpsearch/data/datamodule.py": {"tripled"},  # the earlier name of an argument, still read
    "tests/data/test_datamodule.py": {"tripled"},
    "tests/trial/test_hot_path.py": {"may_scan"},  # the earlier name, which is refused
    "tests/stubs/tested.py": {"tested"},  # a kept study of version 0.1.0 names this module
}

# What people read: messages, comments, docstrings, keys and pages, as text.
READ = [
    file
    for pattern in (
        *("hpsearch/**/*.py", "hpsearch/**/*.html", "hpsearch/**/*.js", "examples/*.py"),
        *("examples/*.yaml", "docs/*.md", "*.md", "studies/*.yaml"),
    )
    for file in sorted(ROOT.glob(pattern))
]
# No text may have one of these, each with the form that is meant; see WORDS for the others.
TERMS = {
    **{word: f"{word}(?:s|es|d|ed)?" for word in WORDS if word != "damage"},
    "damage": "damages?",
    "told": "told(?! apart)",  # reported, asked
    " on": "(?:go|goes|going) on",  # continue
    "stand": "stands? (?:in(?! for)|beside|behind)",  # is in, ranks behind
    "is no ": "(?<!here )is no(?! longer)",  # is not a
    "opening": "(?:an|each|every|one|last|the) opening|openings",  # test-set evaluation
    "front": "(?<!pareto[ _])(?<!in )fronts?",  # Pareto front
    "gap": "(?<!generalization )gaps?",  # generalization gap
    "scan": "scan(?:s|ned|ning|nable)?|may_scan",  # multi-step
    "tripl": "tripl(?:e|ed|es|ing)",  # offline copies
    "fenced": "fenced",  # lost its lease
    " mark": "(?:an?|searched) mark",  # search expression
    "test_openings": "test_openings",  # test_evaluations
}
PATTERNS = {stem: re.compile(rf"(?<![\w-])(?:{term})(?![\w-])") for stem, term in TERMS.items()}
# Where one of them stays, and why.
LEFT = {
    # The key in every database since 0.1.0, which is an axis of optuna-dashboard.
    "hpsearch/search/store/keys.py": {"gap", "test_openings"},
    "hpsearch/result.py": {"gap"},
    "docs/api.md": {"gap"},
    "docs/dashboards.md": {"gap"},
    # Each has said before which gap it is.
    "hpsearch/views/report/sections/generalization_gap.py": {"gap", "gaps"},
    "docs/report.md": {"gap"},
    "studies/dilated.yaml": {"gaps"},  # of a dilated kernel
    "hpsearch/views/report/template/page.js": {"pressed"},  # an attribute of HTML
    # Earlier names, which are still read or refused.
    "hpsearch/data/datamodule.py": {"tripled"},
    "hpsearch/trial/speedups/multi_step_support.py": {"may_scan"},
    "CHANGELOG.md": {"tripled", "may_scan", "front", "gap", "test_openings"},
}

# Most files have none of them, and need not be parsed.
SUSPECT = re.compile(
    rf"(?<![a-z])(?:{'|'.join(f'{word}|{word.title()}|{word.upper()}' for word in WORDS)})"
    rf"|(?<![A-Za-z0-9])(?:{'|'.join(NAMES)})(?![A-Za-z0-9])"
)


def names_in(file: Path, text: str) -> Iterator[str]:
    """Yields the names that a file defines or uses, and its own."""
    yield file.stem
    for node in ast.walk(ast.parse(text)):
        for field in ("id", "attr", "arg", "asname"):
            if isinstance(name := getattr(node, field, None), str):
                yield name
        if isinstance(node, ast.ClassDef | ast.FunctionDef):
            yield node.name


def parts_of(name: str) -> set[str]:
    """Returns the words of a name, in small letters, without the s of a plural."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)
    return {form for word in words for form in (word.lower(), word.lower().removesuffix("s"))}


def old_names(file: Path) -> set[str]:
    """Returns the names in a file that should be others; the name of a test is a sentence."""
    text, place = file.read_text(encoding="utf-8"), str(file.relative_to(ROOT))
    if not (SUSPECT.search(text) or SUSPECT.search(file.stem)):
        return set()
    allowed = EXCEPTIONS.get(place, set()) | (set() if place.startswith("hpsearch") else INJECTED)
    names = {name for name in names_in(file, text) if not name.startswith("test_")} - allowed
    return {name for name in names if name.strip("_") in NAMES or parts_of(name) & WORDS.keys()}


def old_terms(text: str) -> set[str]:
    """Returns the terms in a text that should be others."""
    text = " ".join(text.lower().split())
    patterns = (pattern for stem, pattern in PATTERNS.items() if stem in text)
    return {term for pattern in patterns for term in pattern.findall(text)}


def test_texts_and_keys_use_the_fields_words() -> None:
    """Rewrite what is listed; TERMS and docs/glossary.md have the words for it."""
    found = {
        place: old_terms(file.read_text(encoding="utf-8")) - LEFT.get(place, set())
        for file in READ
        if (place := str(file.relative_to(ROOT)))
    }
    assert {place: terms for place, terms in found.items() if terms} == {}


def test_a_term_is_seen_in_its_old_sense_only() -> None:
    old = "Its outbox, an opening, the front: it goes on as told, and x\nis no key"
    assert old_terms(old) == {"outbox", "an opening", "front", "goes on", "told", "is no"}
    assert old_terms("the Pareto front, in front, told apart, there is no key") == set()


def test_names_are_the_fields_words() -> None:
    """Rename what is listed; WORDS and docs/glossary.md have the words for it."""
    found = {str(file.relative_to(ROOT)): old_names(file) for file in FILES}
    assert {place: names for place, names in found.items() if names} == {}
