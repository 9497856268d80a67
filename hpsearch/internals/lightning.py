"""Private names of Lightning and of torch.

Trainers come from either package, `pytorch_lightning` or `lightning.pytorch`, so they have no type
here. Torch is imported where it is used.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from inspect import isfunction, unwrap
from types import MethodType, SimpleNamespace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch
    from torch import Tensor
    from torch.optim import Optimizer
    from torch.utils.data import DataLoader

# Returns the batch of samples at an index, as the loader's `collate_fn` would.
Fetch = Callable[[Sequence[int]], Any]


def trainer_of(part: object) -> Any:
    """Returns the Trainer of a module or a data module; None while it has none.

    A module that has no Trainer yet answers `trainer` with an exception.
    """
    return getattr(part, "_trainer" if hasattr(part, "_trainer") else "trainer", None)


def is_epoch_trained(trainer: Any) -> bool:
    """Returns whether all batches of the epoch are trained, or it was asked to stop."""
    return bool(trainer.fit_loop.epoch_loop._is_training_done)


def has_read_epoch(trainer: Any) -> bool:
    """Returns whether every batch of the epoch has been read."""
    return bool(trainer.fit_loop.epoch_loop._num_ready_batches_reached())


def may_stop(trainer: Any) -> bool:
    """Returns whether the training has had its minimum number of epochs and steps."""
    return bool(trainer.fit_loop._can_stop_early)


def is_accumulating(trainer: Any) -> bool:
    """Returns whether the last batch was one between two steps of the optimizer."""
    return bool(trainer.fit_loop._should_accumulate())


def has_validation_data(trainer: Any) -> bool | None:
    """Returns whether there is anything to validate on; None while the loaders are not made."""
    loop = trainer.fit_loop.epoch_loop.val_loop
    return None if loop._combined_loader is None else sum(loop._max_batches) > 0


def validation_batches(trainer: Any) -> list[float]:
    """Returns how many batches of each validation loader are read; infinity where unknown."""
    return list(trainer.fit_loop.epoch_loop.val_loop._max_batches)


def limit_validation(trainer: Any, most: int) -> None:
    """Makes each validation read at most this many batches of a loader."""
    loop = trainer.fit_loop.epoch_loop.val_loop
    loop._max_batches = [min(batches, most) for batches in loop._max_batches]


def training_loaders(trainer: Any) -> list[Any]:
    """Returns the training loaders; none while they are not made."""
    combined = trainer.fit_loop._combined_loader
    return [] if combined is None else list(combined.flattened)


def training_fetcher(trainer: Any) -> Any:
    """Returns the iterator of the training batches; `iter` of it begins an epoch."""
    return trainer.fit_loop._data_fetcher


def load_loader_states(trainer: Any) -> None:
    """Loads the states of the training loaders if Lightning has not, and begins an epoch."""
    loop = trainer.fit_loop
    if states := loop._combined_loader_states_to_load:
        loop._combined_loader._load_state_dicts(states)
        loop._combined_loader_states_to_load = []
        iter(loop._data_fetcher)


def resume_after_epoch(trainer: Any) -> None:
    """Makes a training with `max_steps` not end a finished epoch again when it is resumed."""
    trainer.fit_loop._iteration_based_training = lambda: False


def reload_in_turn(trainer: Any) -> None:
    """Makes a resumed training reload its loaders in the epochs of an uninterrupted one."""
    if every := trainer.reload_dataloaders_every_n_epochs:
        trainer.fit_loop._last_train_dl_reload_epoch //= every
        trainer.fit_loop._last_train_dl_reload_epoch *= every
        trainer.fit_loop.setup_data()


def fetch_by(loader: DataLoader[Any], replace: Callable[[Fetch], Fetch]) -> None:
    """Makes a loader without workers read its batches differently; once is enough.

    Args:
        loader: yields whole batches; what decides their order stays.
        replace: called whenever the loader is read from its beginning, with what it reads batches
            by; returns what it should read them by.
    """
    if "_get_iterator" in vars(loader):
        return
    from torch.utils.data import DataLoader

    def begin(loader: DataLoader[Any]) -> Any:
        iterator: Any = DataLoader._get_iterator(loader)
        iterator._dataset_fetcher = SimpleNamespace(fetch=replace(iterator._dataset_fetcher.fetch))
        return iterator

    # An ordinary attribute would be copied by Lightning to a loader that it makes from this one
    # with another sampler; that loader would then read by this one's sampler.
    object.__setattr__(loader, "_get_iterator", MethodType(begin, loader))


def checkpoint_data(trainer: Any) -> dict[str, Any]:
    """Returns what a checkpoint of the Trainer would hold, without writing it."""
    return dict(trainer._checkpoint_connector.dump_checkpoint(weights_only=False))


def set_current_batch(fetcher: Any, batch: Any) -> None:
    """Sets the batch that callbacks are given at the end of a step."""
    fetcher._batch = batch


def count_step(trainer: Any) -> None:
    """Counts a batch that stepped the optimizer, as the metrics' step."""
    trainer.fit_loop.epoch_loop._batches_that_stepped += 1


def replace_compiled_call(module: torch.nn.Module, replace: Callable[[Any], Any]) -> None:
    """Makes a module compiled in place call what `replace` returns for its compiled call."""
    module._compiled_call_impl = replace(module._compiled_call_impl)


@contextmanager
def uncompiled(module: torch.nn.Module) -> Iterator[None]:
    """Makes calls of a module that is compiled in place run uncompiled, inside the block."""
    compiled = module._compiled_call_impl
    module._compiled_call_impl = None
    try:
        yield
    finally:
        module._compiled_call_impl = compiled


def call_uncompiled(module: torch.nn.Module, *args: Any, **kwargs: Any) -> Any:
    """Calls a module with its hooks, but uncompiled."""
    return module._call_impl(*args, **kwargs)  # type: ignore[no-untyped-call]


def compile_in_this_process() -> None:
    """Makes torch compile in one thread, without a process for each core."""
    import torch

    torch._inductor.config.compile_threads = 1


def has_compiler() -> bool:
    """Returns whether this machine has a C++ compiler that torch can use."""
    from torch._inductor import cpp_builder, exc

    try:
        cpp_builder.get_cpp_compiler()
    except exc.InvalidCxxCompiler:
        return False
    return True


def compile_seconds() -> float:
    """Returns the seconds that this process has compiled for."""
    from torch._dynamo.utils import calculate_time_spent

    return calculate_time_spent()["total_wall_time"]


def leaves(tree: Any) -> Sequence[Any]:
    """Returns the contents of nested lists, tuples and mappings, in their order."""
    from torch.utils._pytree import tree_flatten

    return list(tree_flatten(tree)[0])


def map_tensors(function: Callable[[Tensor], Tensor], tree: Any) -> Any:
    """Returns nested containers with each of their tensors replaced by what a function returns."""
    from torch import Tensor
    from torch.utils._pytree import tree_map_only

    return tree_map_only(Tensor, function, tree)


def is_step_bare(optimizer: Optimizer) -> bool:
    """Returns whether an optimizer's `step` does nothing but step: nothing listens to it."""
    from torch.optim.optimizer import _global_optimizer_post_hooks, _global_optimizer_pre_hooks

    patched = vars(optimizer).get("step")
    hooks = (
        optimizer._optimizer_step_pre_hooks,
        optimizer._optimizer_step_post_hooks,
        _global_optimizer_pre_hooks,
        _global_optimizer_post_hooks,
    )
    # A schedule counts the first step, to warn if it comes first itself.
    return (patched is None or hasattr(patched, "_wrapped_by_lr_sched")) and not any(hooks)


def is_module_bare(module: torch.nn.Module) -> bool:
    """Returns whether calling a module only computes: nothing listens, nothing is compiled."""
    from torch.nn.modules.module import _has_any_global_hook

    parts, parameters = [*module.modules()], [*module.parameters()]
    hooks = (
        *(part._forward_pre_hooks for part in parts),
        *(part._forward_hooks for part in parts),
        *(part._backward_pre_hooks for part in parts),
        *(part._backward_hooks for part in parts),
        *(each._backward_hooks for each in parameters),
        *(each._post_accumulate_grad_hooks for each in parameters),
    )
    changed = any(part._compiled_call_impl or "forward" in vars(part) for part in parts)
    return not (any(hooks) or changed or _has_any_global_hook())  # type: ignore[no-untyped-call]


def cross_entropy_slope(logits: Tensor, labels: Tensor, one: Tensor) -> tuple[Tensor, Tensor]:
    """Returns the mean cross-entropy of a batch, and its gradient by the logits.

    Args:
        logits: `(B, classes)`, which need no gradient.
        labels: `(B,)`.
        one: the number 1, a scalar.
    """
    import torch

    mean, ignored, aten = 1, -100, torch.ops.aten
    log = torch.log_softmax(logits, 1)
    # By its full name: otherwise torch looks for the variant that fits the arguments.
    loss, weight = aten.nll_loss_forward.default(log, labels, None, mean, ignored)
    slope = aten.nll_loss_backward.default(one, log, labels, None, mean, ignored, weight)
    return loss, torch._log_softmax_backward_data(slope, log, 1, logits.dtype)


def fused_kernel(name: str) -> Callable[..., object]:
    """Returns torch's kernel for the step of all parameters at once: of `sgd`, `adam` or `adamw`.

    `count` is the one that adds a number to each of a list of tensors.
    """
    import torch

    kernels: dict[str, Callable[..., object]] = {
        "sgd": torch._fused_sgd_,
        "adam": torch._fused_adam_,
        "adamw": torch._fused_adamw_,
        "count": torch._foreach_add_,
    }
    return kernels[name]


def load_compiler() -> None:
    """Loads torch's compiler."""
    import torch._dynamo  # noqa: F401


def hide_optimizers_by(
    disable: Callable[..., Any], without: Callable[[Any], Callable[..., Any]]
) -> None:
    """Replaces what optimizers call to hide from the compiler, which loads it.

    Args:
        disable: hides a method that all optimizers have.
        without: returns an optimizer's `step` that hides otherwise.
    """
    from torch import optim

    for method in vars(optim.Optimizer).values():
        if isfunction(method) and method.__code__.co_filename.endswith("_compile.py"):
            bare: Any = unwrap(method)
            bare.__dynamo_disable = disable(bare)
    for kind in vars(optim).values():
        is_optimizer = isinstance(kind, type) and issubclass(kind, optim.Optimizer)
        if is_optimizer and kind.step.__code__.co_name == "_use_grad":
            kind.step = without(kind.step)


def name_parts_of_metrics(package: Any, plot: Any) -> None:
    """Gives stand-ins of torchmetrics and of its plots what the base class of metrics imports."""
    package._logger = logging.getLogger("torchmetrics")
    plot._AX_TYPE = plot._PLOT_OUT_TYPE = object
