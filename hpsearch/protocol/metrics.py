"""What the name of a metric says: its split, its usual direction, whether it counts answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from hpsearch.protocol.types import Direction, sign_of

Split = Literal["train", "test"]

_OF_SPLIT = re.compile(r"(train|val|valid|validation)([_/])(.+)", re.DOTALL)
# `acc` as a word: `jaccard` is not an accuracy. An error rate of words can exceed 1.
_ACCURACY = r"accuracy|(?<![a-z])(?:train|val|valid|test)?acc(?![a-z])"
_COUNTS = re.compile(
    rf"{_ACCURACY}|(?<!word_)(?<!char_)(?<!character_)(?<!token_)(?<!phoneme_)error_rate"
)
_LESSER = re.compile(
    r"loss|error|distance|perplexity"
    r"|(?<![a-z])(?:err|r?mse|rmsle|s?mae|s?mape|nll|ppl|wer|cer|fid|kl)(?![a-z])"
)
_GREATER = re.compile(
    rf"{_ACCURACY}|f1|auc|auroc|iou|dice|jaccard|precision|recall|kappa|specificity|sensitivity"
    r"|(?<![a-z])(?:m_?ap|r2|bleu|psnr|ssim)(?![a-z])"
)


def best_facts(metrics: Mapping[str, float]) -> dict[str, float]:
    """Returns a trial's attributes for the metrics of its best epoch, such as `best_val_loss`.

    A metric called `step`, by which Lightning's loggers are given their x-axis, is none of them:
    `best_step` is the best epoch itself.
    """
    return {f"best_{name}": value for name, value in metrics.items() if name != "step"}


def counts_answers(metric: str) -> bool:
    """Returns whether a metric is by its name an accuracy or an error rate, 0 to 1."""
    return bool(_COUNTS.search(_words(metric)))


def usual_direction(metric: str) -> Direction | None:
    """Returns in which direction a metric is better, by its name; None if that does not say it.

    `minimize` for `val_dice_loss` and `RMSE`, `maximize` for `val/MulticlassF1Score`.
    """
    words = _words(metric)
    if _LESSER.search(words):
        return "minimize"
    return "maximize" if _GREATER.search(words) else None


def _words(metric: str) -> str:
    """Returns a metric's name in small letters, `multiclass_f1_score` for `MulticlassF1Score`."""
    return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", "_", metric).lower()


def on_split(metric: str, split: Split) -> str | None:
    """Returns the name of a validation metric on another split; None if it is not of validation.

    For `train`, it is `train_loss` for `val_loss`, and `train/acc` for `val/acc`.
    """
    found = _OF_SPLIT.fullmatch(metric)
    return None if found is None or found[1] == "train" else f"{split}{found[2]}{found[3]}"


def split_apart(metric: str) -> tuple[Literal["train", "val", ""], str]:
    """Returns whether a metric is of training or of validation, and its name without that.

    `("val", "loss")` for `val_loss` and for `val/loss`; the split is empty for any other name.
    """
    found = _OF_SPLIT.fullmatch(metric)
    if found is None:
        return "", metric
    return "train" if found[1] == "train" else "val", found[3]


def generalization_gap(
    metrics: Mapping[str, float], objective: str, direction: Direction
) -> float | None:
    """Returns by how much the objective is better in training than in validation.

    Args:
        metrics: what was logged after an epoch; `train_loss` is the partner of `val_loss`.
        objective: name of the metric.
        direction: which way is better.

    Returns:
        Above 0 where training is better; None if the metric has no partner.
    """
    partner = metrics.get(on_split(objective, "train") or "")
    if partner is None:
        return None
    return sign_of(direction) * (partner - metrics[objective])
