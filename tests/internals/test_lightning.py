"""The private names of Lightning, torch and jsonargparse that hpsearch uses still exist."""

from __future__ import annotations

import math
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Literal

import pytest
import pytorch_lightning as pl
import torch
from private_names import Private, private_names
from torch.nn.modules.module import register_module_forward_hook
from torch.optim.optimizer import (
    register_optimizer_step_post_hook,
    register_optimizer_step_pre_hook,
)
from torch.utils.data import DataLoader, TensorDataset

import hpsearch.internals as internals
from hpsearch.internals.lightning import cross_entropy_slope, fetch_by, is_module_bare, is_step_bare
from hpsearch.trial.speedups.direct_step import direct_step

Moment = Literal["begun", "third batch", "last batch", "validated", "epoch's end"]
BATCHES, VALIDATION = 4, 3


class Line(pl.LightningModule):
    def __init__(self) -> None:
        super().__init__()
        self.layer = torch.nn.Linear(2, 1)

    def training_step(self, batch: Any, batch_idx: int) -> torch.Tensor:
        return self.layer(batch[0]).square().mean()

    def validation_step(self, batch: Any, batch_idx: int) -> None: ...

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.SGD(self.parameters(), lr=0.1)


def loader(batches: int) -> DataLoader[Any]:
    return DataLoader(TensorDataset(torch.ones(batches * 2, 2)), batch_size=2)


@dataclass(frozen=True)
class During:
    """A private name of a Trainer, and what is true of it at a moment of a training."""

    name: str
    use: str
    moment: Moment
    holds: Callable[[Any], object]


@dataclass
class Answers(pl.Callback):
    """Asks each of them at its moment."""

    asked: list[During]

    def __post_init__(self) -> None:
        self.found: dict[str, Callable[[], object]] = {}

    def ask(self, trainer: pl.Trainer, moment: Moment) -> None:
        for each in self.asked:
            if each.moment == moment:
                self.found[each.name] = self.answer(each, trainer)

    def answer(self, each: During, trainer: pl.Trainer) -> Callable[[], object]:
        try:
            held = each.holds(trainer)
        except Exception as error:
            raised = error

            def fail() -> object:
                raise raised

            return fail
        return lambda: held

    def on_train_start(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.ask(trainer, "begun")

    def on_train_batch_end(self, trainer: Any, module: Any, out: Any, batch: Any, at: int) -> None:
        if at == 2:
            self.ask(trainer, "third batch")
        elif at == BATCHES - 1:
            self.ask(trainer, "last batch")

    def on_validation_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.ask(trainer, "validated")

    def on_train_epoch_end(self, trainer: pl.Trainer, pl_module: pl.LightningModule) -> None:
        self.ask(trainer, "epoch's end")


def fit(trainer: Any) -> Any:
    return trainer.fit_loop


def steps(trainer: Any) -> Any:
    return trainer.fit_loop.epoch_loop


def keeps_states(trainer: Any) -> bool:
    """Whether the loop loads the states of its loaders from a list that is empty without any."""
    loop = fit(trainer)
    loop._combined_loader._load_state_dicts([])
    return loop._combined_loader_states_to_load == []


def sets_batch(trainer: Any) -> bool:
    """Whether the fetcher of a step that takes the loader's iterator holds the batch of now."""
    from pytorch_lightning.loops.fetchers import _DataLoaderIterDataFetcher

    return _DataLoaderIterDataFetcher()._batch is None


TO_RESUME = "to resume within an epoch"
TO_FORESEE = "to foresee which validation is the last"
DURING = [
    During(
        "_trainer",
        "to find the Trainer of a module",
        "begun",
        lambda t: t.lightning_module._trainer is t,
    ),
    During(
        "_combined_loader",
        TO_RESUME,
        "begun",
        lambda t: len(fit(t)._combined_loader.flattened) == 1,
    ),
    During(
        "_data_fetcher",
        TO_RESUME,
        "third batch",
        lambda t: fit(t)._data_fetcher.fetched in (3, 4) and fit(t)._data_fetcher.length == BATCHES,
    ),
    During(
        "_max_batches",
        "to rehearse two batches of a validation",
        "validated",
        lambda t: steps(t).val_loop._max_batches == [VALIDATION],
    ),
    During(
        "_should_accumulate",
        TO_RESUME,
        "third batch",
        lambda t: fit(t)._should_accumulate(),
    ),
    During(
        "_num_ready_batches_reached",
        TO_RESUME,
        "last batch",
        lambda t: steps(t)._num_ready_batches_reached(),
    ),
    During(
        "_is_training_done",
        "to tell a validation within an epoch from one at its end",
        "validated",
        lambda t: steps(t)._is_training_done,
    ),
    During(
        "_iteration_based_training",
        "to resume after a whole epoch",
        "epoch's end",
        lambda t: fit(t)._iteration_based_training() is False,
    ),
    During(
        "_last_train_dl_reload_epoch",
        "to reload the data of a resumed trial in time",
        "begun",
        lambda t: fit(t)._last_train_dl_reload_epoch == 0,
    ),
    During("_can_stop_early", TO_FORESEE, "epoch's end", lambda t: fit(t)._can_stop_early),
    During("_combined_loader_states_to_load", TO_RESUME, "begun", keeps_states),
    During("_load_state_dicts", TO_RESUME, "begun", keeps_states),
    During(
        "_checkpoint_connector",
        "to save a trial's state where it wants it",
        "epoch's end",
        lambda t: (
            {"state_dict", "loops", "optimizer_states"}
            <= t._checkpoint_connector.dump_checkpoint(weights_only=False).keys()
        ),
    ),
    During(
        "_batches_that_stepped",
        "to train many batches in one step",
        "epoch's end",
        lambda t: steps(t)._batches_that_stepped == BATCHES // 2,
    ),
    During("_batch", "to train many batches in one step", "begun", sets_batch),
]


@pytest.fixture(scope="module")
def answers(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Callable[[], object]]:
    """What each private name answered at its moment of one small training."""
    asking = Answers(DURING)
    trainer = pl.Trainer(
        accelerator="cpu",
        max_epochs=1,
        accumulate_grad_batches=2,
        callbacks=[asking],
        default_root_dir=tmp_path_factory.mktemp("fit"),
        num_sanity_val_steps=0,
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
    )
    trainer.fit(Line(), loader(BATCHES), loader(VALIDATION))
    return asking.found


@pytest.mark.parametrize("during", DURING, ids=lambda during: during.name)
def test_what_is_private_of_lightning_is_as_it_was(
    during: During, answers: dict[str, Callable[[], object]]
) -> None:
    private = Private(during.name, during.use, answers.get(during.name, lambda: False))
    private.check("pytorch-lightning", "lightning.py")


def test_without_loaders_a_loop_says_so() -> None:
    """A training that has not begun: its loaders are None, and not an empty list."""
    trainer = pl.Trainer(accelerator="cpu", logger=False, enable_checkpointing=False)
    assert steps(trainer).val_loop._combined_loader is None
    assert fit(trainer)._combined_loader is None


def compiled_in_place() -> bool:
    module = torch.nn.Linear(2, 1)
    before = module._compiled_call_impl
    module.compile(backend="eager")
    module._compiled_call_impl = lambda x: x + 1
    computes = bool((module(torch.zeros(2)) == 1).all())
    return before is None and computes and not is_module_bare(module)


def compiler() -> bool:
    parts = import_module("torch._inductor.cpp_builder"), import_module("torch._inductor.exc")
    wanted = shutil.which("g++") or shutil.which("clang++")
    return issubclass(parts[1].InvalidCxxCompiler, Exception) and bool(
        not wanted or parts[0].get_cpp_compiler()
    )


def equals_its_kernel(make: Callable[[list[torch.Tensor]], torch.optim.Optimizer]) -> bool:
    """Returns whether two steps by an optimizer end where two by `direct_step` do."""
    ends = []
    for way in (lambda optimizer: optimizer.step, direct_step):
        weights = torch.ones(3, requires_grad=True)
        step = way(make([weights]))
        for slope in (1.0, -2.0):
            weights.grad = torch.tensor([slope, 2.0, 3.0])
            step()
        ends.append(weights.detach())
    return torch.equal(*ends)


def hears_of_steps() -> bool:
    """Returns whether an optimizer is bare, but for what listens to the steps of one or of all."""
    weights = [torch.ones(1, requires_grad=True)]
    heard, scheduled = (torch.optim.SGD(weights, lr=0.1) for _ in range(2))
    torch.optim.lr_scheduler.StepLR(scheduled, 1)
    bare = is_step_bare(heard), is_step_bare(scheduled)
    handles = [heard.register_step_pre_hook(print), heard.register_step_post_hook(print)]
    alone = []
    for handle in handles:
        alone.append(is_step_bare(heard))
        handle.remove()
    for register in (register_optimizer_step_pre_hook, register_optimizer_step_post_hook):
        handle = register(print)
        alone.append(is_step_bare(heard))
        handle.remove()
    return bare == (True, True) and not any(alone) and is_step_bare(heard)


def hears_of_calls() -> bool:
    """Returns whether a module is bare, but for what listens to it, its weights or all modules."""
    module = torch.nn.Linear(2, 1)
    bare = [is_module_bare(module)]
    alone = []
    for register in (
        module.register_forward_pre_hook,
        module.register_forward_hook,
        module.register_full_backward_pre_hook,
        module.register_full_backward_hook,
        module.weight.register_hook,
        module.weight.register_post_accumulate_grad_hook,
        register_module_forward_hook,
    ):
        handle = register(print)
        alone.append(is_module_bare(module))
        handle.remove()
        bare.append(is_module_bare(module))
    return all(bare) and not any(alone)


def equals_autograd() -> bool:
    """Returns whether the gradient of the cross-entropy is that of autograd."""
    logits = torch.tensor([[1.0, -2.0, 0.3], [0.0, 4.0, 0.1]], requires_grad=True)
    labels = torch.tensor([2, 1])
    loss = torch.nn.functional.cross_entropy(logits, labels)
    [wanted] = torch.autograd.grad(loss, logits)
    found, slope = cross_entropy_slope(logits.detach(), labels, torch.tensor(1.0))
    return torch.equal(found, loss) and torch.equal(slope, wanted)


def reads_otherwise() -> bool:
    """Returns whether a loader reads by what it was given, again and again, in its own order."""
    loader = DataLoader(TensorDataset(torch.arange(4)), batch_size=2)
    for _ in range(2):
        fetch_by(loader, lambda fetch: lambda index: (index, fetch(index)[0].tolist()))
    return [*loader] == [*loader] == [([0, 1], [0, 1]), ([2, 3], [2, 3])]


def pytree() -> Any:
    return import_module("torch.utils._pytree")


TORCH = [
    Private("_compiled_call_impl", "to compile a module in place", compiled_in_place),
    Private(
        "_call_impl",
        "to draw the graph of a compiled module",
        lambda: torch.nn.Identity()._call_impl(3) == 3,
    ),
    Private(
        "_inductor",
        "to compile in one thread",
        lambda: import_module("torch._inductor.config").compile_threads >= 1,
    ),
    Private("cpp_builder", "to find the compiler", compiler),
    Private("exc", "to find the compiler", compiler),
    Private(
        "calculate_time_spent",
        "to measure how long it compiles",
        lambda: math.isfinite(
            import_module("torch._dynamo.utils").calculate_time_spent()["total_wall_time"]
        ),
    ),
    Private(
        "tree_flatten",
        "to name a model's outputs",
        lambda: pytree().tree_flatten({"a": [1, 2], "b": (3,)})[0] == [1, 2, 3],
    ),
    Private(
        "tree_map_only",
        "to copy the outputs of CUDA graphs",
        lambda: pytree().tree_map_only(int, lambda n: n + 1, [1, "a"]) == [2, "a"],
    ),
    Private("_optimizer_step_pre_hooks", "to see who listens to an optimizer", hears_of_steps),
    Private("_optimizer_step_post_hooks", "to see who listens to an optimizer", hears_of_steps),
    Private("_global_optimizer_pre_hooks", "to see who listens to an optimizer", hears_of_steps),
    Private("_global_optimizer_post_hooks", "to see who listens to an optimizer", hears_of_steps),
    Private(
        "_forward_pre_hooks", "to train without autograd where nothing listens", hears_of_calls
    ),
    Private("_forward_hooks", "to train without autograd where nothing listens", hears_of_calls),
    Private(
        "_backward_pre_hooks", "to train without autograd where nothing listens", hears_of_calls
    ),
    Private("_backward_hooks", "to train without autograd where nothing listens", hears_of_calls),
    Private(
        "_post_accumulate_grad_hooks",
        "to train without autograd where nothing listens",
        hears_of_calls,
    ),
    Private(
        "_has_any_global_hook", "to train without autograd where nothing listens", hears_of_calls
    ),
    Private("_log_softmax_backward_data", "to train without autograd", equals_autograd),
    Private("_wrapped_by_lr_sched", "to see who listens to an optimizer", hears_of_steps),
    Private(
        "_fused_sgd_",
        "to take an optimizer's step directly",
        lambda: equals_its_kernel(lambda w: torch.optim.SGD(w, lr=0.1, momentum=0.9, fused=True)),
    ),
    Private(
        "_fused_adam_",
        "to take an optimizer's step directly",
        lambda: equals_its_kernel(lambda w: torch.optim.Adam(w, fused=True)),
    ),
    Private(
        "_fused_adamw_",
        "to take an optimizer's step directly",
        lambda: equals_its_kernel(lambda w: torch.optim.AdamW(w, fused=True)),
    ),
    Private(
        "_foreach_add_",
        "to take an optimizer's step directly",
        lambda: equals_its_kernel(lambda w: torch.optim.Adam(w, fused=True)),
    ),
    Private("_get_iterator", "to read a batch at once", reads_otherwise),
    Private("_dataset_fetcher", "to read a batch at once", reads_otherwise),
]


class Base:
    def __init__(self, width: int = 3) -> None: ...


class Derived(Base):
    def __init__(self, depth: int, **kwargs: int) -> None:
        super().__init__(**kwargs)


def names_it_finds() -> bool:
    resolvers = import_module("jsonargparse._parameter_resolvers")
    found = {
        each.name: (each.annotation, each.default)
        for each in resolvers.get_signature_parameters(Derived, None)
    }
    return set(found) == {"depth", "width"} and found["width"] == (int, 3)


RESOLVER = Private("get_signature_parameters", "to find the arguments of a class", names_it_finds)


def names_in(module: str) -> Any:
    return vars(sys.modules[module] if module in sys.modules else __import__(module, fromlist="*"))


def hides_from_the_compiler() -> bool:
    """Returns whether a method of all optimizers calls what the attribute holds."""
    method: Any = torch.optim.Optimizer.zero_grad
    bare = method.__wrapped__
    kept = vars(bare).get("__dynamo_disable")
    bare.__dynamo_disable = lambda optimizer: "seen"
    try:
        return bool(torch.optim.Adam([torch.zeros(1)]).zero_grad() == "seen")
    finally:
        bare.__dynamo_disable = kept


PLOT = names_in("torchmetrics.utilities.plot")
LOADING = [
    Private(
        "torch._dynamo",
        "to load the compiler",
        lambda: {"OptimizedModule", "disable"} <= names_in("torch._dynamo").keys(),
    ),
    Private("__dynamo_disable", "to make optimizers without the compiler", hides_from_the_compiler),
    Private(
        "_logger",
        "to load the base class of metrics alone",
        lambda: names_in("torchmetrics")["_logger"].name == "torchmetrics",
    ),
    Private("_AX_TYPE", "to load no matplotlib", lambda: "_AX_TYPE" in PLOT),
    Private("_PLOT_OUT_TYPE", "to load no matplotlib", lambda: "_PLOT_OUT_TYPE" in PLOT),
]


@pytest.mark.parametrize("private", [*TORCH, *LOADING], ids=lambda private: private.name)
def test_what_is_private_of_torch_is_as_it_was(private: Private) -> None:
    private.check("torch", "lightning.py")


def test_the_resolver_follows_keyword_arguments_to_the_base_class() -> None:
    RESOLVER.check("jsonargparse", "jsonargparse.py")


@pytest.mark.process
def test_arguments_are_resolved_without_torch() -> None:
    """The deciding wing asks for those of a sampler."""
    code = (
        "import sys; from hpsearch.classes.signature import signature_of; import fractions; "
        "assert 'numerator' in signature_of(fractions.Fraction).hints; "
        "assert 'jsonargparse' in sys.modules; "
        "assert not {'torch', 'pytorch_lightning', 'optuna'} & set(sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_every_private_name_is_listed() -> None:
    found: dict[str, set[str]] = {
        file.name: private_names(file.read_text(encoding="utf-8"))
        for file in Path(internals.__file__).parent.glob("*.py")
    }
    assert found["lightning.py"] == {each.name for each in (*DURING, *TORCH, *LOADING)}
    assert found["jsonargparse.py"] == {RESOLVER.name}
