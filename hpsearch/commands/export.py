"""`export` and `predict`: a trained model in one file, and predictions with it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from hpsearch.commands.context import check_target, console, open_trusted, say_next
from hpsearch.commands.options import Json, NonNegativeInt, Storage, StudyName, Trust
from hpsearch.errors import InputError
from hpsearch.protocol.model_files import ANY, SUFFIXES, Format, format_of, predictor_format

if TYPE_CHECKING:
    from hpsearch.search.store import StoredStudy, StudyRecord, TrialRecord

_FOR_TORCH = "this is for torch; ONNX needs further packages: pip install 'hpsearch[export]'"
_OF_ONNX = ("onnx", "onnxruntime", "onnxscript")


def export(
    name: StudyName,
    /,
    *,
    trial: Annotated[
        NonNegativeInt | None,
        Parameter(metavar="N", help="The trial's number. [default: see above]"),
    ] = None,
    ensemble: Annotated[
        bool,
        Parameter(
            negative="", show_default=False, help="All models of `hpsearch ensemble`, as one."
        ),
    ] = False,
    format: Annotated[  # noqa: A002
        Format | None,
        Parameter(
            help="A graph for onnxruntime, one for torch, or weights alone. [default: that of the"
            " file; onnx, or pt2 without the packages of ONNX]"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        Parameter(
            name=("--output", "-o"),
            metavar="FILE",
            help="The file to write. [default: NAME-trial-N.onnx]",
        ),
    ] = None,
    storage: Storage = None,
    trust: Trust = False,
) -> None:
    """Write a model, preprocessing included, to one file."""
    from hpsearch.search.model import export_ensemble

    if ensemble and trial is not None:
        raise InputError("--ensemble exports all members as one, --trial one trial: leave one out")
    stored = open_trusted(name, storage, trust=trust)
    kind = _kind(format, output)
    if ensemble:
        target = _target(output, f"{name}-ensemble", kind)
        written = export_ensemble(stored, target)
        _tell(target, written, f"an ensemble of {_members(written['metadata'])}")
        return
    by_default = not (format or output)
    _export_trial(stored, trial, output, kind, _FOR_TORCH * (by_default and kind != "onnx"))


def _export_trial(
    stored: StoredStudy, trial: int | None, output: Path | None, kind: Format, note: str
) -> None:
    from hpsearch.search.model import export_model, find_checkpoint

    name = stored.name
    _, study, chosen = find_checkpoint(stored, trial)
    which = f"trial-{chosen.number}" if study.name == name else "confirmed"
    target = _target(output, f"{name}-{which}", kind)
    written, study, chosen = export_model(stored, trial, target)
    _tell(target, written, _origin(name, study, chosen), note)


def _kind(format: Format | None, output: Path | None) -> Format:  # noqa: A002
    """Returns the format to write: the given one, that of the file's name, or ONNX if installed."""
    if format is None and output is None:
        return "pt2" if _missing_for_onnx() else "onnx"
    return format or (output and format_of(output)) or "onnx"


def _missing_for_onnx() -> list[str]:
    from hpsearch.classes.components import is_installed

    return [name for name in _OF_ONNX if not is_installed(name)]


def predict(
    model: Annotated[Path, Parameter(name="MODEL", help="The .onnx or .pt2 file of `export`.")],
    image: Annotated[Path, Parameter(name="IMAGES", help="Picture files: PNG, JPEG and others.")],
    /,
    *more: Annotated[Path, Parameter(show=False)],
    json: Json = False,
) -> None:
    """Label image files with an exported model."""
    # The rest loads torch; the error of a mistyped name should not wait for that.
    predictor_format(model)
    from hpsearch.engines.bridge import call
    from hpsearch.views import json_output
    from hpsearch.views.tables import predictions_table

    images = [str(path) for path in (image, *more)]
    found = call("hpsearch.trial.export.predict:predict", str(model), images)
    if json:
        print(json_output.to_json(found["rows"]))
    else:
        console().print(predictions_table(found["metadata"], found["rows"]))


def _target(output: Path | None, name: str, format: Format) -> Path:  # noqa: A002
    """Returns the file to write.

    Raises:
        InputError: its suffix belongs to another format, it cannot be written there, or it is for
            ONNX, whose packages are missing; torch is not loaded to find that.
    """
    suffix = SUFFIXES[format]
    target = output or Path(f"{name}{suffix}")
    if target.suffix != suffix:
        others = " or ".join(other for other in SUFFIXES.values() if other != suffix)
        raise InputError(
            f"-o {target}: a file of the format {format} ends in {suffix}, one of another in"
            f" {others}"
        )
    check_target(target)
    if format == "onnx" and (missing := _missing_for_onnx()):
        raise InputError(
            f"to export to ONNX, {missing[0]} is needed, which is not installed:"
            " pip install 'hpsearch[export]'; or write a file for torch: --format pt2"
        )
    return target


def _members(metadata: Mapping[str, Any]) -> str:
    members = zip(metadata["members"], metadata["shares"], strict=True)
    return "; ".join(f"{name} ({share:.0%})" for name, share in members)


def _origin(name: str, study: StudyRecord, trial: TrialRecord) -> str:
    """Returns which trial was exported; for a confirmation, the trial that it repeats."""
    own = f"trial {trial.number} of {study.name}"
    if study.name == name:
        return own
    facts = trial.attributes
    return f"trial {facts['finalist']} of {name}, trained with seed {facts['repeat']} ({own})"


def _tell(target: Path, written: Mapping[str, Any], origin: str, note: str = "") -> None:
    metadata = written["metadata"]
    size = _sizes(metadata["shape"])
    size_kb = written["bytes"] / 1000
    print(f"wrote {target} ({size_kb:,.0f} kB): {origin}")
    if not written["checked_on"]:
        print("weights alone; their network is in the study's file")
        return
    taken = (
        "uint8 images" if metadata["input"] == "images" else "tensors as its data module makes them"
    )
    if len(metadata["shapes"]) > 1:
        size = ", ".join(map(_named, *zip(*metadata["shapes"].items(), strict=True)))
    print(f"takes {taken}, any number x {size}; gives {metadata['output']}")
    print(
        f"agrees with the Lightning module on {written['checked_on']:,} validation examples"
        f" (greatest difference {written['difference']:.1g})"
    )
    if note:
        print(note)
    if metadata["input"] == "images":
        say_next("predict", target, "IMAGE.png")


def _named(name: str, shape: Sequence[int]) -> str:
    return f"{name} ({_sizes(shape) or 'one number'})"


def _sizes(shape: Sequence[int]) -> str:
    return " x ".join("any" if size == ANY else str(size) for size in shape)
