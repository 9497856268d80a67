"""Which rows a trial trains and validates on, and what they contain, as comparable facts.

Every data module has loaders, and most loaders show which rows of which dataset they read. Rows are
compared by their indices; content by a sample of rows, all of them where there are few.
"""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import hashlib
import inspect
import json
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
)
from torch.utils.data.distributed import DistributedSampler

from hpsearch.data import ImageData
from hpsearch.trial.saving.generators import kept
from hpsearch.trial.seeding import reloaded_epoch, seeded
from hpsearch.trial.validations import set_up_validation

# Arguments of a data module that decide how rows are read, not what they contain.
SAFE = (
    *("batch_size", "train_batch_size", "val_batch_size", "eval_batch_size", "test_batch_size"),
    *("num_workers", "pin_memory", "persistent_workers", "prefetch_factor", "order_seed"),
)
_ROWS = 32
_SECONDS = 1.0
_WHOLE_BYTES = 2**24
_BUCKETS = 32
_FOLDED = 8

IntArray = npt.NDArray[np.int64]


def data_facts(trainer: Any, data: Any, arguments: Mapping[str, Any] | None) -> dict[str, Any]:
    """Returns the comparable facts about a trial's data, once its loaders exist.

    Reading rows leaves every random state unchanged.

    Args:
        trainer: Lightning's Trainer.
        data: the data module, or a module with its own loaders. Its attributes `split_fingerprint`
            and `data_fingerprint`, texts, take precedence over what is found here.
        arguments: the data module's arguments in this trial.

    Returns:
        `split`, a text that changes with the validation rows, None if unknown; and `data`, the
        record that `protocol/data_record.py` describes.
    """
    set_up_validation(trainer)
    split = getattr(data, "split_fingerprint", None)
    record: dict[str, Any] = {"arguments": _hash(_relevant(arguments or {}))}
    own = getattr(data, "data_fingerprint", None)
    if isinstance(own, str):
        record["own"] = own
    parts = {"val": trainer.val_dataloaders}
    if not (_differs_by_trial(data) or reloaded_epoch(trainer)):
        parts["train"] = trainer.train_dataloader
    # These are the user's classes: whatever they raise here, the training will raise too.
    with contextlib.suppress(Exception):
        split = split or _rows_text(list(_each(parts["val"])))
    for part, loaders in parts.items() if "own" not in record else ():
        with contextlib.suppress(Exception):
            each = list(_each(loaders))
            # Reading a stream may be expensive, or have effects, as in reinforcement learning.
            streams = part == "train" and any(map(_is_stream, each))
            record[part] = [None if streams else content_of(loader) for loader in each]
    return {"split": split, "data": record}


def fingerprint_test_rows(data: Any) -> str:
    """Returns a text that changes with the test rows; empty if unknown.

    Args:
        data: the data module, or a module with its own loaders.

    Raises:
        DataError: test images of `ImageData` cannot be used.
    """
    if isinstance(data, ImageData):
        return data.test_fingerprint()
    with contextlib.suppress(Exception), seeded(0):
        data.setup("test")
        loaders = list(_each(data.test_dataloader()))
        content = [content_of(loader) for loader in loaders]
        if content and None not in content:
            # Four digits: the last ones may differ between machines.
            rows = json.dumps(content, default=str)
            return _hash([json.loads(rows, parse_float=lambda number: f"{float(number):.3e}")])
    return ""


def content_of(loader: Any) -> dict[str, Any] | None:
    """Returns the contents of a loader's rows, or None if they change from one reading to the next.

    Returns:
        `rows`, their number, None if unknown; and `sample`, for each row of a sample a hash and
        some sums. The hash covers integers and texts. Sums represent floating-point values, whose
        last digits may depend on the machine and the number of threads. The order of the sample
        depends on the number of rows only; if rows are slow to read, the sample is shorter, so
        compare as many as both have.
    """
    readings = []
    with kept([loader]):
        for _ in range(2):
            with seeded(0):
                readings.append(_content(loader))
    again = zip(readings[0]["sample"], readings[1]["sample"], strict=False)
    return readings[1] if all(one == other for one, other in again) else None


def _content(loader: Any) -> dict[str, Any]:
    if _is_stream(loader):
        # A copy: reading a row may change the dataset's state.
        first = islice(iter(copy.copy(loader.dataset)), _ROWS)
        return {"rows": None, "sample": [_record(row) for row in _in_time(first)]}
    index, base = rows_of(loader)
    if isinstance(base, TensorDataset):
        size = sum(tensor[:1].nbytes for tensor in base.tensors) * len(index)
        if size <= _WHOLE_BYTES:
            chosen = (tensor[torch.from_numpy(index)] for tensor in base.tensors)
            return {"rows": len(index), "sample": [_record(part, _BUCKETS) for part in chosen]}
    rows = _in_time(_sampled(loader, base, index))
    return {"rows": len(index), "sample": [_record(row) for row in rows]}


def rows_of(loader: Any) -> tuple[IntArray, Any]:
    """Returns which rows a loader reads, in ascending order, and from which dataset."""
    dataset = loader.dataset
    index = np.unique(_drawn(loader))
    while isinstance(dataset, Subset):
        index, dataset = np.asarray(dataset.indices, np.int64)[index], dataset.dataset
    return np.sort(index), dataset


def _drawn(loader: Any) -> IntArray:
    sampler = getattr(loader, "batch_sampler", None) or loader.sampler
    if isinstance(sampler, BatchSampler):
        sampler = sampler.sampler
    # A rank's share is drawn anew for each trial and epoch; all rows are the same ones.
    is_shared_out = isinstance(sampler, DistributedSampler) and sampler.shuffle
    if is_shared_out or isinstance(sampler, SequentialSampler | RandomSampler):
        return np.arange(len(loader.dataset))
    if isinstance(sampler, SubsetRandomSampler) or hasattr(sampler, "indices"):
        return np.asarray(sampler.indices, np.int64)
    if hasattr(sampler, "__len__"):
        drawn, again = (_drawn_by(sampler, seed) for seed in range(2))
        # One that draws rows anew for each epoch, as in few-shot learning, may draw any of them.
        if np.array_equal(np.unique(drawn), np.unique(again)):
            return drawn
    return np.arange(len(loader.dataset))


def _drawn_by(sampler: Any, seed: int) -> IntArray:
    with seeded(seed):
        rows = [np.atleast_1d(np.asarray(row, np.int64)) for row in iter(copy.deepcopy(sampler))]
    return np.concatenate(rows)


def _sampled(loader: Any, base: Any, index: IntArray) -> Iterable[Any]:
    """Returns evenly spread rows, in an order whose every beginning is evenly spread too."""
    halves = (int(f"{place:05b}"[::-1], 2) for place in range(_ROWS))
    places = list(dict.fromkeys(half * len(index) // _ROWS for half in halves))
    chosen = Subset(base, [int(index[place]) for place in places if len(index)])
    if not loader.num_workers:
        return (chosen[number] for number in range(len(chosen)))
    # In a worker, as in training: workers must not inherit a file that is opened here.
    return DataLoader(
        chosen,
        batch_size=None,
        num_workers=1,
        worker_init_fn=loader.worker_init_fn,
        multiprocessing_context=loader.multiprocessing_context,
    )


def _in_time(rows: Iterable[Any]) -> Iterator[Any]:
    deadline = time.monotonic() + _SECONDS
    for row in rows:
        yield row
        if time.monotonic() > deadline:
            return


def _record(row: Any, buckets: int = 2) -> list[Any]:
    """Returns a hash of a row's exact parts, then the scale and some means of its other numbers."""
    digest, means = hashlib.sha256(), list[float]()
    _take_in(row, digest, means, buckets)
    if not means:
        return [digest.hexdigest()[:8]]
    scale = max(map(abs, means))
    # A row with many parts must not make the study's record long.
    folded = means if buckets > 2 else [sum(means[place::_FOLDED]) for place in range(_FOLDED)]
    numbers = [scale, *folded[: len(means)]]
    return [digest.hexdigest()[:8], *(float(f"{number:.7g}") for number in numbers)]


def _take_in(value: Any, digest: Any, means: list[float], buckets: int) -> None:
    """Adds a value's exact parts to the digest, and the means of its fractions to the others."""
    if isinstance(value, torch.Tensor):
        value = value.detach().cpu()
        value = (value.float() if value.dtype == torch.bfloat16 else value).numpy()
    if isinstance(value, Image.Image | np.generic):
        value = np.asarray(value)
    if isinstance(value, np.ndarray):
        digest.update(f"{value.dtype} {value.shape}".encode())
        if value.dtype.kind in "fc":
            means += _means(value.reshape(-1), digest, buckets)
        elif value.dtype.kind in "biuSU?":
            digest.update(value.tobytes())
    elif isinstance(value, float):
        means += _means(np.array([value]), digest, 1)
    elif isinstance(value, Mapping):
        for key in sorted(value, key=str):
            digest.update(repr(key).encode())
            _take_in(value[key], digest, means, buckets)
    elif isinstance(value, Sequence) and not isinstance(value, str | bytes):
        digest.update(f"{len(value)}".encode())
        for item in value:
            _take_in(item, digest, means, buckets)
    elif dataclasses.is_dataclass(value):
        _take_in(vars(value), digest, means, buckets)
    elif isinstance(value, str | bytes | int | None):
        digest.update(repr(value).encode())
    else:
        digest.update(type(value).__name__.encode())


def _means(fractions: npt.NDArray[Any], digest: Any, buckets: int) -> Iterator[float]:
    """Yields the means of the sizes and of the values of an array's parts.

    Values that are not finite are counted and left out: tables often have missing values.
    """
    finite = np.isfinite(fractions)
    if not finite.all():
        digest.update(np.flatnonzero(~finite).tobytes())
        fractions = np.where(finite, fractions, 0)
    for part in np.array_split(fractions, buckets):
        if part.size:
            yield float(np.abs(part).mean(dtype=np.float64))
            yield float(part.real.mean(dtype=np.float64))


def _differs_by_trial(data: Any) -> bool:
    """Returns whether training data may differ between trials: they depend on the trial's seed."""
    return "order_seed" in inspect.signature(type(data).__init__).parameters


def _is_stream(loader: Any) -> bool:
    return isinstance(loader.dataset, IterableDataset)


def _rows_text(loaders: Sequence[Any]) -> str | None:
    if not loaders or any(map(_is_stream, loaders)):
        return None
    rows = [rows_of(loader) for loader in loaders]
    digest = hashlib.sha256()
    for index, base in rows:
        digest.update(f"{len(base)} {len(index)} ".encode() + index.astype("<i8").tobytes())
    return digest.hexdigest()[:16]


def _each(loaders: Any) -> Iterator[Any]:
    if isinstance(loaders, Mapping):
        loaders = list(loaders.values())
    if isinstance(loaders, list | tuple):
        for loader in loaders:
            yield from _each(loader)
    elif loaders is not None:
        yield loaders


def _relevant(arguments: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in arguments.items() if name not in SAFE}


def _hash(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()[:8]
