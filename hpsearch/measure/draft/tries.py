"""Trains drafts of a study file on a few real batches."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hpsearch.classes.load import check_unread
from hpsearch.engines.bridge import call
from hpsearch.engines.slots import Slot
from hpsearch.errors import InputError
from hpsearch.measure.extremes import extreme_configs, middle
from hpsearch.measure.probes import probe_each
from hpsearch.protocol.job import Placement
from hpsearch.studyfile.document import Document, KeyPath, Location, name_of
from hpsearch.studyfile.parse import parse_study
from hpsearch.studyfile.study import StudySpec

# What a module that takes `**kwargs` reads from its hyperparameters, and was not given.
_UNSET = re.compile(r"'AttributeDict' object has no attribute '(\w+)'")
# What is raised where sizes do not fit.
_OF_SIZES = ("RuntimeError", "ValueError", "IndexError", "AssertionError")


@dataclass(frozen=True)
class Tries:
    """Trains drafts on a few batches.

    Args:
        import_paths: where the classes are.
        slot: where to train.
        guessed: the arguments without a default, whose values may not fit.
        offered: the model's arguments that are null, and that the data module has.
    """

    import_paths: tuple[str, ...]
    slot: Slot
    guessed: Sequence[KeyPath] = ()
    offered: Sequence[str] = ()

    def metrics(self, tree: Mapping[str, Any]) -> tuple[list[str], str]:
        """Returns what a validation logs, and why there is none; then the training logged it.

        Raises:
            InputError: nothing can be trained, or nothing is logged.
        """
        found = self._train_middle("find_metrics", tree)
        if not found["metrics"]:
            raise InputError(
                "the validation logs no metric, and a search needs one: write"
                ' self.log("val_loss", loss) in validation_step'
            )
        return found["metrics"], found["unvalidated"]

    def require(self, tree: Mapping[str, Any]) -> None:
        """Trains a draft as it is.

        Raises:
            InputError: it cannot be trained.
        """
        self._train_middle("probe", tree)

    def train(self, tree: Mapping[str, Any]) -> bool:
        """Returns whether every end of every range trains, or a constructor rejects it.

        And all of them on the same data, so that their values can be compared.
        """
        spec = self._spec(tree)
        probes = probe_each(spec, extreme_configs(spec.space), self.slot)
        refused = [probe for probe in probes if probe.get("kind") == "infeasible"]
        trained = [probe for probe in probes if "failure" not in probe]
        return bool(trained) and len(trained) + len(refused) == len(probes)

    def _train_middle(self, function: str, tree: Mapping[str, Any]) -> Mapping[str, Any]:
        """Trains in the middle of all ranges, and returns what is found."""
        spec = self._spec(tree)
        setting = middle(spec.space)
        found: Mapping[str, Any] = self._call(function, spec, setting.params, setting.config)
        if "failure" not in found:
            return found
        failure = str(found["failure"])
        unset = _UNSET.search(failure)
        advice = f"; give it a value: --set model.{unset[1]}=VALUE" if unset else ""
        if failure.startswith(_OF_SIZES):
            advice = advice or _of_guesses(self.guessed, setting.params)
        for name in self.offered:
            advice += (
                f"; model.{name} is null, and the data module has a {name}: if the model needs"
                f" it, --set model.from_data.{name}={name}"
            )
        raise InputError(f"this cannot be trained as it is: {failure}{advice}")

    def _spec(self, tree: Mapping[str, Any]) -> StudySpec:
        document = Document(dict(tree), Location("the draft"))
        parsed = parse_study(document, self.import_paths)
        check_unread(parsed)
        return StudySpec.from_parsed(parsed)

    def _call(self, function: str, spec: StudySpec, params: Any, config: Any) -> Any:
        with tempfile.TemporaryDirectory() as folder:
            place = Placement(Path(folder), self.slot.device, self.slot.threads)
            job = spec.job(0, params, config, place)
            return call(f"hpsearch.trial.probes.probe:{function}", job)


def _of_guesses(guessed: Sequence[KeyPath], params: Mapping[str, Any]) -> str:
    """Returns which sizes were guessed, such as a number of columns; empty if none was."""
    sizes = [name for name in map(name_of, guessed) if isinstance(params.get(name), int)]
    if not sizes:
        return ""
    tried = ", ".join(f"{name}={params[name]}" for name in sizes)
    given = " ".join(f"--set {name}=VALUE" for name in sizes)
    return f"; tried with {tried}, which have no default: if one does not fit, give it: {given}"
