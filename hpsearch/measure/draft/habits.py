"""The ranges that people usually search, by the name and the default of an argument."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from hpsearch.protocol.metrics import usual_direction
from hpsearch.protocol.types import Direction

_LR, _WEIGHT_DECAY = 1e-3, 1e-2
# Numbers whose scale is searched, most often those of a loss.
_FACTORS = "alpha|beta|gamma|lam|lambda|margin|sigma|tau|T|temp|temperature|weight(?!_decay)"
_OF_LOSS = re.compile(rf"label_smoothing|(^|_)({_FACTORS})(_|$)")
_RATE = re.compile(r"(^|_)(lr|learning_rate)(_|$)")
_MAIN_RATE = re.compile(r"((base|init|initial|start)_)?(lr|learning_rate)")
_MOST_LAYERS = 36
# Sizes that the data, a task or a pretrained network dictate, and numbers of machines.
_GIVEN = re.compile(
    r"(^|_)(in|input|out|output|classes|labels|vocab|vocabulary|image|img)(_|$)"
    r"|(^|_)(n|num|number_of)_([a-z]+_)?features$"
    r"|(^|_)(obs|observation|state|action|target|node|edge|atom|tabular|covariates?)_"
    r"(dim|size|features|channels)$"
    r"|^(n|num|number_of)_nodes$"
    r"|(^|_)(freeze|frozen|unfreeze|unfrozen|trainable|finetuned?|skip|last_n)(_|$)"
)
_OF_PICTURES = re.compile(r"((n|num|img|image)_)?(channels|chans)|nc")
# The ends of a schedule, whose peak is searched.
_OF_SCHEDULE = re.compile(r"(^|_)(min|end|final|warmup|floor)_(lr|learning_rate)(_|$)")
# What a moving average keeps: of a batch's statistics, or of a network.
_OF_AVERAGE = re.compile(
    r"(^|_)(bn|norm|batchnorm|ema|base|min|max|teacher|target|encoder|key)(_|$)"
)
# What changes how fast a model is evaluated, and not what it learns.
_OF_EVALUATION = re.compile(
    r"(^|_)(val|valid|validation|dev|test|eval|evaluation|predict|inference)_batch_size$"
)
_BATCH_SIZE = re.compile(r"(per_(device|gpu)_)?(train(ing)?_)?batch_size")
# The rest of a name that has a quantity, but is not one: `lr_scheduler`, `momentum_decay`.
_OF_QUANTITY = re.compile(
    r"(^|_)(schedulers?|schedule|policy|steps?|epochs?|patience|milestones|gamma|factors?|decay"
    r"|mults?|multipliers?|ratio|scale|reduce|reduction|power|cycles?|period|drop|min|max|start|end"
    r"|final|threshold|frac|fraction|freq|every|warmup|mode|monitor|interval|act|activation|type"
    r"|fn|path|file|name)(_|$)"
)

_VALIDATION, _TRAINING = re.compile("val|dev|eval"), re.compile("train")
# A whole episode, or all classes, and not one step or class of it.
_WHOLE = re.compile(r"(^|[_/])(total|overall|mean|avg|average|episode)([_/]|$)")
# A loss as a whole, and not one of its terms, such as `val_box_loss`.
_WHOLE_LOSS = re.compile(
    r"((train|training|val|valid|validation|dev|eval|epoch|mean|avg|average|total|overall|loss)"
    r"([_/. -]|$))+"
)
# What people read instead of the loss where less is better.
_ERRORS = re.compile(r"(^|[_/])([cdemw]er|[fk]id|error_rate|err)([_/]|$)")
_LOSS = re.compile("loss|entropy|xent|nll|perplexity")
# Of these a low one may be a bad sign: losses of networks that train against each other, and
# terms of a loss that hold the others in check.
_NO_GOAL = re.compile(
    r"(^|[_/])((d|g|disc|gen|discriminator|generator|critic|adv)_?loss|kld?|reg|penalty)(?![a-z])"
)


def habit(name: str, default: Any, beside: Sequence[str] = ()) -> Any:
    """Returns the expression that people usually write for an argument; None if there is none.

    Args:
        name: the argument's name.
        default: its default; None if it has none.
        beside: names of the other arguments of the same class.
    """
    if isinstance(default, bool | str) or _OF_EVALUATION.search(name):
        return None
    if isinstance(default, list | tuple):
        return _habits_of_list(name, default, beside)
    for pattern, write in _HABITS:
        if found := re.search(rf"(^|_)({pattern})(_|$)", name):
            if _OF_QUANTITY.search(name[found.end() :]) or not _is_searched(name, write, default):
                return None
            return write(default, any(_is_heads(other) for other in beside))
    return None


def _is_searched(name: str, write: Callable[..., Any], default: Any) -> bool:
    """Returns whether the rest of a name leaves it what its habit is for."""
    if write is _learning_rate:
        return not _OF_SCHEDULE.search(name) and default != 0
    if write is _momentum:
        return not _OF_AVERAGE.search(name)
    if write not in (_depth, _width):
        return True
    of_pictures = default in (1, 3) and _OF_PICTURES.fullmatch(name)
    return not (_GIVEN.search(name) or of_pictures or (default is not None and default <= 0))


def objective_among(metrics: Sequence[str]) -> tuple[str, Direction | None]:
    """Returns the metric that people would search for, and its direction; None if none is usual.

    A validation metric comes before a validation loss, and both before any training metric.
    """

    def place(name: str) -> tuple[bool | str, ...]:
        direction = usual_direction(name)
        return (
            not _VALIDATION.search(name),
            bool(_TRAINING.search(name)),
            measures_no_model(name),
            direction != "maximize",
            not _ERRORS.search(name.lower()),
            "loss" not in name,
            not _WHOLE_LOSS.fullmatch(name.lower()),
            direction is None,
            not _WHOLE.search(name),
            name,
        )

    best = min(metrics, key=place)
    return best, usual_direction(best)


def measures_no_model(metric: str) -> bool:
    """Returns whether a metric is a loss of one of two adversaries, or only a term of a loss."""
    return bool(_NO_GOAL.search(metric))


def changes_measure(name: str, objective: str) -> bool:
    """Returns whether an argument may change what an objective measures: no value is comparable.

    Label smoothing makes every cross-entropy larger, and no model worse; a small weight of one of
    its terms makes a loss small.
    """
    return bool(_OF_LOSS.search(name)) and bool(_LOSS.search(objective.lower()))


def is_batch_size(name: str) -> bool:
    """Returns whether an argument is how many rows are trained on at once."""
    return bool(_BATCH_SIZE.fullmatch(name))


def is_off(name: str, default: Any) -> bool:
    """Returns whether null turns a learning rate off, such as `encoder_lr` beside `lr`."""
    return default is None and bool(_RATE.search(name)) and not _MAIN_RATE.fullmatch(name)


def choice(options: Sequence[Any]) -> str:
    """Returns the expression for a choice of these options."""
    return f"~choice({', '.join(_spelled(option) for option in options)})"


def _habits_of_list(name: str, default: Sequence[Any], beside: Sequence[str]) -> Any:
    whole = [type(entry) is int for entry in default]
    if not default or not all(whole) or len(default) > 6:
        return None
    if "hidden" in name or max(default) > _MOST_LAYERS:  # not numbers of layers, but their sizes
        name = re.sub("layers", "units", name)
    expressions = [habit(name, entry, beside) for entry in default]
    return expressions if all(expressions) else None


def _learning_rate(default: Any, _: bool) -> str:
    middle = _positive(default, _LR)
    return f"~float({middle / 10:g}, {max(min(middle * 10, 1.0), middle):g}, log=True)"


def _weight_decay(default: Any, _: bool) -> str:
    low = "1e-6" if not 0 < (default or 0) < 1e-6 else f"{default:g}"
    return f"~float({low}, {max(_positive(default, 0) * 10, _WEIGHT_DECAY):g}, log=True)"


def _dropout(default: Any, _: bool) -> str | None:
    share = _positive(default, 0.1)
    return None if share >= 1 else f"~float(0.0, {max(0.5, share):g})"


def _batch_size(default: Any, _: bool) -> str:
    middle = int(_positive(default, 64))
    return choice(sorted({max(middle // 2, 1), middle, middle * 2}))


def _width(default: Any, has_heads: bool) -> str | None:
    middle = int(_positive(default, 64))
    if isinstance(default, float):
        return None
    if has_heads and middle % 4 == 0:  # what is divided among heads must be divisible by them
        return choice([middle // 2, middle, middle * 2])
    return f"~int({max(middle // 4, 1)}, {max(middle * 4, 4)}, log=True)"


def _depth(default: Any, _: bool) -> str | None:
    return (
        None if isinstance(default, float) else f"~int(1, {max(int(_positive(default, 2)) * 2, 3)})"
    )


def _heads(default: Any, _: bool) -> str:
    middle = int(_positive(default, 2))
    return choice(sorted({max(middle // 2, 1), middle, middle * 2}))


def _few(default: Any, _: bool) -> str | None:
    known = isinstance(default, int) and default > 0
    return _heads(default, False) if known else None


def _factor(default: Any, _: bool) -> str | None:
    """Returns a quarter to four times of a number; below 1 it stays there, and near 1 as near."""
    if not isinstance(default, float) or default <= 0:
        return None
    if 0.9 <= default < 1:
        return f"~float({max(0.5, 10 * default - 9):g}, {(9 + default) / 10:g})"
    high = 4 * default if default >= 1 else min(4 * default, (1 + default) / 2)
    return f"~float({default / 4:g}, {high:g}, log=True)"


def _momentum(default: Any, _: bool) -> str | None:
    given = 0.8 if default is None else default
    return None if not 0 <= given <= 0.99 else f"~float({min(0.8, given):g}, 0.99)"


def _label_smoothing(default: Any, _: bool) -> str:
    return f"~float(0.0, {max(0.2, _positive(default, 0)):g})"


def _kernel(default: Any, _: bool) -> str | None:
    if default in (None, 3, 5, 7):
        return choice([3, 5, 7])
    half, odd = default // 2, default % 2
    return choice([half | odd, default, default * 2 + odd]) if half else None


# The first one that matches a name is used.
_HABITS: tuple[tuple[str, Callable[[Any, bool], str | None]], ...] = (
    ("lr|learning_rate", _learning_rate),
    ("weight_decay|wd|l2", _weight_decay),
    ("dropout|drop_path|drop|pdrop|dp_rate", _dropout),
    ("momentum", _momentum),
    ("label_smoothing", _label_smoothing),
    ("batch_size", _batch_size),
    ("kernel", _kernel),
    ("heads|nhead|n_head", _heads),
    ("rank$|lora_r$|^r$|experts|neighbou?rs", _few),
    ("depth|layers|nlayers|n_layer|num_layer|blocks|n_block|num_block", _depth),
    (
        "width|hidden|units|nodes|neurons|channels|filters|features|latent|embed|embedding|embd|emb"
        r"|n_factors|num_factors|nhid|emsize|dim|d_model|d_ff|ffn|lin\d+|fc\d+"
        "|(mlp|fc|layer|dense|encoder|decoder)_(dims|sizes)",
        _width,
    ),
    (_FACTORS, _factor),
)


def _is_heads(name: str) -> bool:
    return bool(re.search(r"(^|_)(heads|nhead|n_head)(_|$)", name))


def _positive(default: Any, otherwise: float) -> float:
    known = isinstance(default, int | float) and not isinstance(default, bool) and default > 0
    return default if known else otherwise


def _spelled(option: Any) -> str:
    if option is None or isinstance(option, bool):
        return {None: "null", True: "true", False: "false"}[option]
    plain = not isinstance(option, str) or re.fullmatch(r"[A-Za-z_]\w*", option)
    return str(option) if plain else f'"{option}"'
