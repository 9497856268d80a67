"""What the name of a metric says: its split, its usual direction, whether it counts answers."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal

from hpsearch.protocol.types import Direction, sign_of

Split = Literal["train", "test"]
# What Lightning appends to a name where there are several loaders, before their number.
OF_LOADER = "/dataloader_idx_"

_OF_SPLIT = re.compile(r"(train|val|valid|validation)([_/])(.+)", re.DOTALL)
# `acc` as a word: `jaccard` is not an accuracy. An error rate of words can exceed 1.
_ACCURACY = r"accuracy|(?<![a-z])(?:train|val|valid|test)?acc(?![a-z])"
_COUNTS = re.compile(
    rf"{_ACCURACY}|(?<!word_)(?<!char_)(?<!character_)(?<!token_)(?<!phoneme_)error_rate"
)


def _naming(parts: str, words: str) -> re.Pattern[str]:
    """Returns what finds any of some parts of names, or of some words by themselves."""
    whole = rf"(?<![a-z])(?:{'|'.join(words.split())})(?![a-z])"
    return re.compile(f"{'|'.join(parts.split())}|{whole}")


# What some log negated, such as the ELBO, is in neither.
_LESSER = _naming(
    "loss error distance(?!_?intersection) perplexity divergence deviance cross_entropy bits_per"
    " hausdorff chamfer wasserstein perceptual brier ranked_probability residual regret"
    " reconstruction free_energy false_positive false_negative neg_log_l neg_elbo translation_edit"
    " mean_rank median_rank",
    "err n?r?mse rmsle s?mae mase [sw]?mape nll nelbo ppl bp[bcd] b?ce xent [cdemw]er wil f[np]r"
    " [fk]id kld? js hd emd mmd lpips e?ce mce crps pinball m?[af]de epe huber hinge cost latency"
    " recon mpjpe l1 l2",
)
_GREATER = _naming(
    f"{_ACCURACY} f1 f_?beta auc auroc aupr iou(?![a-z]) over_union dice jaccard precision recall"
    " kappa specificity sensitivity reward likelihood matthews pearson spearman kendall concordance"
    " explained_variance exact_match rouge meteor bert_?score hit_rate success win_rate cosine_sim"
    " silhouette homogeneity v_?measure rand_score mutual_info panoptic signal_noise"
    " signal_distortion_ratio structural_similarity inception_score clip_score normalized_dcg",
    "m?_?ap r2 bleu chrf bleurt cider psnr ssim f_?score mcc ccc corr c_index ndcg mrr hits? top_?"
    " em t[np]r [np]pv sdr snr pesq stoi nmi ari pq lddt returns? correct",
)
# The mean position of the right answer, or a mean over the positive rows.
_UNCLEAR = re.compile(r"mean_pos(?![a-z])")
# Scorers of scikit-learn: `neg_mean_squared_error` is greater where the error is less.
_NEGATED = re.compile(r"(?<![a-z])neg_(?:mean|median|root|max|log_loss|brier)")


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
    words = f"{_words(metric)} {metric.lower()}"  # of `mIoU`, the letters alone say it
    if _NEGATED.search(words):
        return "maximize"
    if _UNCLEAR.search(words):
        return None
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
    if found is None or found[1] == "train":
        return None
    return f"{split}{found[2]}{on_split(found[3], split) or found[3]}"  # of val/val_loss, both


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
