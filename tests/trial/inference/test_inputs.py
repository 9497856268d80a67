"""Modules with any batches are exported: mappings, mappings within tuples, whole batches."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import adversarial
import callbacks
import feeding
import numpy as np
import pytest
import torch
from desk import job, run
from torch.utils.data import DataLoader, TensorDataset

from hpsearch.errors import InputError
from hpsearch.protocol.job import Job
from hpsearch.trial.export.export import export_trial
from hpsearch.trial.export.exported import open_model
from hpsearch.trial.inference.inputs import Inputs, find_inputs


def trained(folder: Path, model: str, data: str = "callbacks.Mappings") -> Job:
    config = {
        "model": {"class_path": model},
        "data": {"class_path": data},
        "trainer": {"max_epochs": 1},
    }
    trial = replace(job(folder), config=config)
    assert run(trial).ended.how == "complete"
    return trial


@pytest.mark.parametrize("kind", ["onnx", "pt2"])
def test_a_module_of_mappings_is_exported_with_inputs_by_name(tmp_path: Path, kind: str) -> None:
    trial = trained(tmp_path, "callbacks.OfMappings")
    target = tmp_path / f"model.{kind}"
    written = export_trial(trial, {"val_loss": 0.5}, kind, str(target))

    assert written["checked_on"] == feeding.ROWS
    model = open_model(target)
    assert model.metadata.shapes == {"points": (2,), "scale": ()}
    points, scale = np.ones((3, 2), np.float32), np.ones(3, np.float32)
    scores, norm = model.answer([points, scale])
    assert (scores.shape, norm.shape) == ((3, 2), (3,))


def test_a_module_of_whole_batches_is_exported(tmp_path: Path) -> None:
    trial = trained(tmp_path, "callbacks.OfWholeMappings")
    written = export_trial(trial, {}, "pt2", str(tmp_path / "model.pt2"))
    assert written["metadata"]["shapes"] == {"points": (2,), "scale": ()}


def test_a_module_without_forward_is_refused_but_for_its_weights(tmp_path: Path) -> None:
    trial = trained(tmp_path, "feeding.Fed", "feeding.Feed")
    with pytest.raises(InputError, match=r"^Fed has no forward\(\), so there is nothing to export"):
        export_trial(trial, {}, "pt2", str(tmp_path / "model.pt2"))

    export_trial(trial, {}, "state", str(tmp_path / "model.pt"))
    state = torch.load(tmp_path / "model.pt", weights_only=True)["state_dict"]
    assert list(state) == list(feeding.Fed().state_dict())


class Plain(feeding.Fed):
    def forward(self, points: torch.Tensor) -> torch.Tensor:
        scores: torch.Tensor = self.net(points)
        return scores


POINTS = torch.ones(4, 2)


@pytest.mark.parametrize(
    ("batch", "inputs"),
    [
        (POINTS, Inputs("alone")),
        ([POINTS, torch.ones(4)], Inputs("alone")),
        (((POINTS, POINTS), torch.ones(4)), Inputs("alone")),
        ({"points": POINTS, "labels": torch.ones(4)}, Inputs("by name", ("points",))),
        (({"points": POINTS}, torch.ones(4)), Inputs("by name", ("points",))),
        ({"labels": torch.ones(4), "image": POINTS}, Inputs("alone", ("image",))),
    ],
)
def test_the_inputs_are_found_in_a_batch_of_any_shape(batch: Any, inputs: Inputs) -> None:
    assert find_inputs(Plain().eval(), batch) == inputs


class Loss(Plain):
    def forward(  # type: ignore[override]
        self, points: torch.Tensor, labels: torch.Tensor | None = None
    ) -> Any:
        return self.net(points) if labels is None else (labels.sum(), self.net(points))


class LossAlways(Plain):
    def forward(self, points: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
        return self.net(points).sum() + labels.sum()


class AnyNames(Plain):
    def forward(self, **batch: torch.Tensor) -> Any:  # type: ignore[override]
        return Loss.forward(self, **batch)  # type: ignore[arg-type]


class Pair(Plain):
    def forward(self, users: torch.Tensor, items: torch.Tensor) -> Any:  # type: ignore[override]
        return self.net(users) + self.net(items)


class PairAsTuple(Plain):
    def forward(self, pair: tuple[torch.Tensor, torch.Tensor]) -> Any:  # type: ignore[override]
        users, items = pair
        return Pair.forward(self, users, items)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("module", "batch", "inputs"),
    [
        (Pair, (POINTS, POINTS, torch.ones(4)), Inputs("in order", ("users", "items"))),
        (Pair, [POINTS, POINTS], Inputs("in order", ("users", "items"))),
        (Pair, ((POINTS, POINTS), torch.ones(4)), Inputs("in order", ("users", "items"), 1)),
        (PairAsTuple, ((POINTS, POINTS), 1), Inputs("as a tuple", ("pair_0", "pair_1"), 1)),
        (PairAsTuple, (POINTS, POINTS), Inputs("as a tuple", ("pair_0", "pair_1"))),
    ],
)
def test_a_forward_takes_as_many_parts_of_a_batch_as_it_needs(
    module: type[Plain], batch: Any, inputs: Inputs
) -> None:
    made = module().eval()
    found = find_inputs(made, batch)
    assert found == inputs
    torch.testing.assert_close(found.call(made, found.of(batch)), 2 * made.net(POINTS))


class PairedRows(feeding.Feed):
    """Batches of two inputs and a target."""

    def train_dataloader(self) -> Any:
        points = torch.linspace(0, 1, 24).reshape(12, 2)
        rows = TensorDataset(points, 1 - points, torch.ones(12, dtype=torch.long))
        return DataLoader(rows, batch_size=4)

    val_dataloader = train_dataloader


class OfPairs(Pair):
    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        return torch.nn.functional.cross_entropy(self(batch[0], batch[1]), batch[2])

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self.training_step(batch, batch_idx))


@pytest.mark.parametrize("kind", ["onnx", "pt2"])
def test_a_module_of_two_inputs_is_exported(tmp_path: Path, kind: str) -> None:
    trial = trained(tmp_path, f"{__name__}.OfPairs", f"{__name__}.PairedRows")
    target = tmp_path / f"model.{kind}"
    written = export_trial(trial, {}, kind, str(target))
    assert written["metadata"]["shapes"] == {"users": (2,), "items": (2,)}
    assert written["checked_on"] == 12
    points = np.ones((3, 2), np.float32)
    assert open_model(target).answer([points, points])[0].shape == (3, 2)


@pytest.mark.parametrize(
    ("module", "names"),
    [(Loss, ("points",)), (AnyNames, ("points",)), (LossAlways, ("points", "labels"))],
)
def test_targets_are_inputs_only_of_a_forward_that_needs_them(
    module: type[Plain], names: tuple[str, ...]
) -> None:
    batch = {"points": POINTS, "labels": torch.ones(4)}
    assert find_inputs(module().eval(), batch) == Inputs("by name", names)


@pytest.mark.parametrize(
    ("module", "batch", "words"),
    [
        (
            callbacks.OfMappings(),
            POINTS,
            r"OfMappings.forward\(points, scale\) cannot be called with a batch of its data, whose"
            " first part has the shape 2 for each example: TypeError: .*scale",
        ),
        (
            adversarial.Adversaries(latent=3),
            [torch.ones(4, 1, 8, 8), torch.ones(4)],
            r"Adversaries.forward\(noise\) .* has the shape 1 x 8 x 8 .*: RuntimeError: mat1 .*",
        ),
        (callbacks.OfMappings(), torch.ones(4), "whose first part has one number for each example"),
        (Plain(), {"a": "text", "b": ["c"]}, "whose parts are a, b: none of that is a tensor"),
        (Plain(), [["text"]], "which holds a str: none of that is a tensor"),
        (Plain(), [], "which holds nothing: none of that is a tensor"),
    ],
)
def test_a_forward_that_fits_no_batch_is_reported_with_its_reason(
    module: Any, batch: Any, words: str
) -> None:
    with pytest.raises(InputError, match=words) as caught:
        find_inputs(module.eval(), batch)
    assert str(caught.value).endswith(
        ". Let forward take that; if it takes something else, such as noise, export the weights"
        " alone: --format state"
    )
