"""`export` and `predict`: a trained model as a file of its own, and that file at work."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from cyclopts import Parameter
from cyclopts.types import NonNegativeInt

from hpsearch.commands.opening import check_target, console, open_database, say_next
from hpsearch.commands.options import Json, Storage, StudyName, Trust
from hpsearch.spec.errors import InputError

Format = Literal["onnx", "pt2", "state"]
_SUFFIXES: Mapping[Format, str] = {"onnx": ".onnx", "pt2": ".pt2", "state": ".pt"}


def export(
    name: StudyName,
    /,
    *,
    trial: Annotated[
        NonNegativeInt | None, Parameter(metavar="N", help="Its number. [default: see above]")
    ] = None,
    format: Annotated[  # noqa: A002
        Format, Parameter(help="A graph for onnxruntime, one for torch, or weights alone.")
    ] = "onnx",
    output: Annotated[
        Path | None,
        Parameter(
            name=("--output", "-o"), metavar="FILE", help="The file. [default: NAME-trial-N.onnx]"
        ),
    ] = None,
    storage: Storage = None,
    trust: Trust = False,
) -> None:
    """Write a model, preprocessing included, to one file.

    Without --trial: the model that `confirm` chose and tested, or else the best trial's.
    """
    from hpsearch.commands.trust import require_trust_in_study
    from hpsearch.engines.door import call
    from hpsearch.search.results import stored_spec
    from hpsearch.search.trained import find_trained, trained_job

    database = open_database(storage)
    study, chosen = find_trained(database, name, trial)
    suffix = _SUFFIXES[format]
    which = f"trial-{chosen.number}" if study.name == name else "confirmed"
    target = output or Path(f"{name}-{which}{suffix}")
    if target.suffix != suffix:
        raise InputError(f"-o {target}: a file of the format {format} ends in {suffix}")
    check_target(target)
    require_trust_in_study(database, name, trust=trust)
    job = trained_job(study, stored_spec(database, study.name), chosen)
    values = dict(zip(study.objectives, chosen.values or (), strict=False))
    _tell(target, call("hpsearch.trial.export:export_trial", job, values, format, str(target)))


def predict(
    model: Annotated[Path, Parameter(name="MODEL", help="The .onnx or .pt2 file of `export`.")],
    image: Annotated[Path, Parameter(name="IMAGES", help="Picture files: PNG, JPEG and others.")],
    /,
    *more: Annotated[Path, Parameter(show=False)],
    json: Json = False,
) -> None:
    """Label image files with an exported model."""
    from hpsearch.engines.door import call
    from hpsearch.views import records
    from hpsearch.views.predictions import predictions_table

    images = [str(path) for path in (image, *more)]
    found = call("hpsearch.trial.predict:predict", str(model), images)
    if json:
        print(records.to_json(found["rows"]))
    else:
        console().print(predictions_table(found["card"], found["rows"]))


def _tell(target: Path, written: Mapping[str, Any]) -> None:
    card = written["card"]
    size = " x ".join(map(str, card["shape"]))
    size_kb = written["bytes"] / 1000
    print(f"wrote {target} ({size_kb:,.0f} kB): trial {card['trial']} of {card['study']}")
    if not written["checked_on"]:
        print("weights alone; their network is in the study's file")
        return
    taken = "uint8 images" if card["input"] == "images" else "tensors as its data module makes them"
    print(f"takes {taken}, any number x {size}; gives {card['output']}")
    print(
        f"agrees with the Lightning module on {written['checked_on']:,} validation examples"
        f" (greatest difference {written['difference']:.1g})"
    )
    if card["input"] == "images":
        say_next("predict", target, "IMAGE.png")
