"""The contents of a preview sheet: a study's data, and its strongest augmentation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hpsearch.engines.bridge import call
from hpsearch.errors import InputError
from hpsearch.measure.extremes import largest_configs
from hpsearch.studyfile.study import StudySpec

_IMAGE_DATA = ("hpsearch.data.ImageData", "hpsearch.data.datamodule.ImageData")


def preview_sheet(spec: StudySpec) -> Mapping[str, Any]:
    """Returns examples of a study's data, and of each augmentation, as `draw_sheet` takes them.

    Raises:
        InputError: the study's data module is not ours, or its data cannot be read.
    """
    sheet: Mapping[str, Any] = call("hpsearch.data.preview:sheet", greatest_augmentation(spec))
    return sheet


def greatest_augmentation(spec: StudySpec) -> dict[str, Any]:
    """Returns the data module's arguments in the branch that augments most, at its strongest.

    Raises:
        InputError: the study's data module is not ours, so its augmentation is unknown.
    """
    settings = [end.config for end in largest_configs(spec.space)]
    sections = [config.get("data") or {} for config in settings]
    classes = [data.get("class_path", "no class path") for data in sections]
    ours = [
        data.get("init_args") or {}
        for data, name in zip(sections, classes, strict=True)
        if name in _IMAGE_DATA
    ]
    if not ours:
        message = "a preview can be drawn of hpsearch.data.ImageData only"
        raise InputError(f"data: {classes[0]}: {message}")
    return max(ours, key=lambda arguments: len(arguments.get("augment") or {}))
