"""A first study file as text: what is searched, its defaults, and what else could be searched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpsearch.measure.draft import Draft, measures_no_model
from hpsearch.protocol.metrics import OF_LOADER
from hpsearch.studyfile.document import KeyPath
from hpsearch.studyfile.yaml_text import to_yaml
from hpsearch.views.formatting import command

_INDENT = "  "
_COMMENTS_AT = 44
_STUDY = """\
  # scheduler: promote    # trials pause, and the best continue; or hyperband, asha, median, none
  # sampler: rungs        # or tpe, random, grid, qmc, gp, cmaes
  # timeout: 2h           # with trials, or in their place
"""
_COMMENTS = (
    "# A value that begins with ~ is searched: ~int(low, high), ~float(low, high), ~choice(a, b)."
)


def draft_text(draft: Draft, file: str) -> str:
    """Returns the text of a study file with a comment where one helps; `file` is its name."""
    tree = draft.tree
    of_data = f" on {tree['data']['class_path']}" if tree.get("data") else ""
    lines = [
        f"# {tree['model']['class_path']}{of_data}, written by hpsearch init.",
        _COMMENTS,
        f"#   {command('check', file)}",
        f"#   {command('run', file)}",
    ]
    for section, content in tree.items():
        if not isinstance(content, Mapping):
            lines.append(to_yaml({section: content}).rstrip("\n"))
            continue
        lines += [f"{section}:", *_block(content, (section,), draft)]
        if section == "study":
            lines += _STUDY.splitlines()
        lines += _idle(content, draft.idle.get(section, {}))
    return "\n".join(lines) + "\n"


def draft_notes(draft: Draft) -> list[str]:
    """Returns what the user should look at first in a study file."""
    notes = []
    if draft.guess:
        notes.append(f"its objective is to be minimized, which is a guess: {draft.guess}")
    if draft.unvalidated:
        notes.append(
            f"nothing is validated, since {draft.unvalidated}: its objective is measured on the"
            " training data, which a larger network fits better"
        )
    if measures_no_model(draft.objective):
        notes.append(
            f"{draft.objective} does not measure how good a model is: it falls when another network"
            " or term gives way; log what does, such as FID or a loss as a whole, and name it in"
            " study.objective"
        )
    if OF_LOADER in draft.objective:
        notes.append(
            "several data sets are validated, and its objective is of the first only; name another"
            " in study.objective, or log their mean in on_validation_epoch_end"
        )
    if not draft.searches:
        notes.append(
            "nothing is searched, since no argument has a usual range that trains; write one,"
            " such as ~float(0.1, 1), in place of a value"
        )
    return notes


def _block(content: Mapping[str, Any], path: KeyPath, draft: Draft) -> list[str]:
    lines: list[str] = []
    # Last are the arguments: those that are not searched follow, as comments.
    for key, value in sorted(content.items(), key=lambda item: item[0] == "init_args"):
        here = (*path, key)
        indent = _INDENT * len(path)
        is_inner = isinstance(value, Mapping) and (
            key in ("init_args", "from_data")
            or "class_path" in value
            or (bool(value) and "init_args" in path)
        )
        if is_inner and path != ("trainer",):
            lines += [f"{indent}{key}:", *_block(value, here, draft)] if value else []
            continue
        text = to_yaml({key: _plain(value)}).rstrip("\n")
        if key == "objective":
            text = "objective: {" + ", ".join(f"{k}: {v}" for k, v in value.items()) + "}"
        first, *rest = text.splitlines()
        comment = draft.comments.get(here, "")
        first = f"{indent}{first}"
        lines.append(f"{first:<{_COMMENTS_AT - 2}}  # {comment}" if comment else first)
        lines += [f"{indent}{line}" for line in rest]
    return lines


def _idle(content: Mapping[str, Any], idle: Mapping[str, Any]) -> list[str]:
    """Returns the arguments that keep their defaults, as comments that can be searched instead."""
    lines = [] if content.get("init_args") or not idle else [f"{_INDENT}# init_args:"]
    for name, value in idle.items():
        text = to_yaml({name: _plain(value)}).rstrip("\n").splitlines()
        lines += [f"{_INDENT * 2}# {line}" for line in text]
    return lines


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    return [_plain(part) for part in value] if isinstance(value, list | tuple) else value
