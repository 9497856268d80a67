"""`init`: a first study file, from a model, a configuration, or an example."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from hpsearch.commands.context import console, report, say_next
from hpsearch.commands.options import Changes, MoreChanges, Trust
from hpsearch.errors import InputError
from hpsearch.protocol.whole_file import written_whole

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from hpsearch.measure.draft import Draft

# The files that belong beside the file of an example, and their purpose.
_BESIDE = {
    "spirals": {"spirals.py": "its model and data"},
    "quickstart": {"seven.png": "a digit for `hpsearch predict`, once a model is exported"},
}


def init(
    what: Annotated[
        str | None,
        Parameter(name="WHAT", help="MODULE.Class of a LightningModule, or an example's name."),
    ] = None,
    /,
    *more: MoreChanges,
    data: Annotated[
        str | None,
        Parameter(
            metavar="MODULE.Class", help="Its LightningDataModule. [default: the one beside it]"
        ),
    ] = None,
    config: Annotated[
        Path | None,
        Parameter(name="--from", metavar="FILE", help="A configuration of LightningCLI or Hydra."),
    ] = None,
    output: Annotated[
        Path | None,
        Parameter(name=("--output", "-o"), metavar="FILE", help="The study file to write."),
    ] = None,
    changes: Changes = (),
    trust: Trust = False,
) -> None:
    """Write a first study file that runs; without WHAT, list the examples."""
    examples = _examples()
    if what is None and config is None:
        return _list(examples)
    if what in examples:
        return _copy(what, examples[what], output)
    from hpsearch.views.draft import draft_notes

    written, draft = _draft(
        _importable(what, examples), data, config, output, (*changes, *more), trust
    )
    print(f"wrote {written}")
    for note in draft_notes(draft):
        print(f"note: {note}")
    return say_next("check", written)


def _importable(what: str | None, examples: Collection[str]) -> str | None:
    """Returns what names a model as Python imports it: `net.py` is the module `net`.

    Raises:
        InputError: it is nearly the name of an example.
    """
    from hpsearch.classes.source import find_places
    from hpsearch.studyfile.diagnostics import nearest

    if what is None:
        return None
    if what.endswith(".py") and Path(what).is_file() and not Path(what).is_absolute():
        return ".".join(Path(what).with_suffix("").parts)
    near = nearest(what, examples, likeness=0.8) if "." not in what else None
    if near and not find_places(what):
        raise InputError(f"there is no example '{what}'; did you mean {near}?")
    return what


def _examples() -> dict[str, Traversable]:
    from importlib.resources import files

    root = files("hpsearch")
    found = [*(root / "studies").iterdir(), root / "examples" / "spirals.yaml"]
    return {Path(file.name).stem: file for file in sorted(found, key=lambda file: file.name)}


def _list(examples: dict[str, Traversable]) -> None:
    from rich.markup import escape
    from rich.table import Table

    print("hpsearch init EXAMPLE             writes one of the examples below")
    print("hpsearch init MODULE.Class        writes a study file for your own model")
    print(
        "hpsearch init --from config.yaml  writes one from a configuration of LightningCLI or Hydra"
    )
    print("\nexamples, which run as they are:\n")
    table = Table.grid(padding=(0, 2))
    for name, file in examples.items():
        first = file.read_text(encoding="utf-8").partition("\n")[0].lstrip("# ")
        table.add_row(f"  {name}", escape(first))
    console().print(table)
    say_next("init", "quickstart")


def _copy(name: str, file: Traversable, output: Path | None) -> None:
    from importlib.resources import files

    target = output or Path(file.name)
    beside = _BESIDE.get(name, {})
    texts = {target: file}
    for name_beside in beside:
        path, source = target.parent / name_beside, files("hpsearch") / "examples" / name_beside
        if not (path.is_file() and path.read_bytes() == source.read_bytes()):
            texts[path] = source
    for path in texts:
        _refuse_existing(path)
    for path, source in texts.items():
        content = source.read_bytes()
        if path == target:
            for folder in ("studies", "examples"):
                content = content.replace(f"{folder}/{file.name}".encode(), str(target).encode())
        with written_whole(path) as new:
            new.write_bytes(content)
        purpose = f": {beside[path.name]}" if path != target else ""
        print(f"wrote {path}{purpose}")
    say_next("check", target)


def _draft(
    model: str | None,
    data: str | None,
    config: Path | None,
    output: Path | None,
    changes: tuple[str, ...],
    trust: bool,
) -> tuple[Path, Draft]:
    """Writes a draft; returns its file, and the draft."""
    from hpsearch.classes.load import require_own
    from hpsearch.engines.slots import find_slots
    from hpsearch.measure.draft import (
        Origin,
        draft_study,
        left_out,
        note_on_program,
        read_configuration,
    )
    from hpsearch.studyfile.read import read_sections

    def target(name: str) -> Path:
        path = output or Path(f"{name}.yaml")
        _refuse_existing(path)
        return path

    if output is not None:
        _refuse_existing(output)
    document = read_sections(config) if config else None
    sections = read_configuration(document) if document else {}
    if document and (names := left_out(document.tree, sections)):
        report(
            f"note: left out of {config}: {', '.join(names)}; write what trials need of it, such as"
            " callbacks, under trainer:"
        )
    folders = dict.fromkeys(str(path.resolve()) for path in ((output or Path()).parent, Path()))
    origin = Origin(model, data, sections, changes, tuple(folders))
    require_own(config, origin.tree, origin.import_paths, report, trust=trust)
    if note := note_on_program(origin):
        report(f"note: {note}")
    with console().status("trying real batches at the ends of each range"):
        draft = draft_study(origin, find_slots("auto", 1)[0], target)
    from hpsearch.views.draft import draft_text

    written = target(draft.tree["study"]["name"])
    with written_whole(written) as new:
        new.write_text(draft_text(draft, str(written)), encoding="utf-8")
    return written, draft


def _refuse_existing(path: Path) -> None:
    if path.exists():
        raise InputError(f"{path} already exists; name another file: --output FILE")
    if not path.absolute().parent.is_dir():
        raise InputError(f"{path}: there is no folder {path.parent}")
