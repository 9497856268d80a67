from __future__ import annotations

import pytest

from hpsearch.protocol.metrics import counts_answers, generalization_gap, on_split, usual_direction

METRICS = {"train_loss": 0.1, "val_loss": 0.4, "train_accuracy": 0.99, "val_accuracy": 0.95}
SLASHES = {"train/acc": 0.99, "val/acc": 0.95}


def test_training_that_is_better_has_a_gap_above_0() -> None:
    assert generalization_gap(METRICS, "val_accuracy", "maximize") == pytest.approx(0.04)
    assert generalization_gap(METRICS, "val_loss", "minimize") == pytest.approx(0.3)
    assert generalization_gap(SLASHES, "val/acc", "maximize") == pytest.approx(0.04)


@pytest.mark.parametrize("objective", ["val_f1", "accuracy", "train_loss", "val"])
def test_a_metric_without_a_partner_has_none(objective: str) -> None:
    assert generalization_gap(METRICS, objective, "maximize") is None


@pytest.mark.parametrize(
    ("metric", "counts"),
    [
        ("val_accuracy", True),
        ("val/acc", True),
        ("valAcc_top5", True),
        ("val_acc@5", True),
        ("val/MulticlassAccuracy", True),
        ("val_error_rate", True),
        # An index of sets, a distance, and a rate that can exceed 1.
        ("val/MulticlassJaccardIndex", False),
        ("val_jaccard", False),
        ("accel_rmse", False),
        ("val_word_error_rate", False),
        ("val/CharErrorRate", False),
    ],
)
def test_an_accuracy_or_an_error_rate_is_known_by_its_name(metric: str, counts: bool) -> None:
    assert counts_answers(metric) is counts


@pytest.mark.parametrize(
    ("metric", "direction"),
    [
        ("val_acc", "maximize"),
        ("val/MulticlassAccuracy", "maximize"),
        ("val/MulticlassF1Score", "maximize"),
        ("val_BinaryAUROC", "maximize"),
        ("val_mAP", "maximize"),
        ("val_map50", "maximize"),
        ("val/R2Score", "maximize"),
        ("BLEUScore", "maximize"),
        ("val_dice_loss", "minimize"),
        ("val_mse", "minimize"),
        ("val/RMSE", "minimize"),
        ("val_mape", "minimize"),
        ("accel_rmse", "minimize"),
        ("val_WordErrorRate", "minimize"),
        # In contrastive learning the mean position of the right pair, which is better if low.
        ("val_acc_mean_pos", None),
        ("val_median_rank", "minimize"),
        ("mIoU", "maximize"),
        ("val_DistanceIntersectionOverUnion", "maximize"),
        ("val/top5", "maximize"),
        ("hits@10", "maximize"),
        ("ndcg@10", "maximize"),
        ("val_mcc", "maximize"),
        ("PearsonCorrCoef", "maximize"),
        ("SignalNoiseRatio", "maximize"),
        ("rougeL", "maximize"),
        ("episode_reward", "maximize"),
        ("log_likelihood", "maximize"),
        ("cosine_similarity", "maximize"),
        ("neg_mean_squared_error", "maximize"),
        ("neg_log_likelihood", "minimize"),
        ("val_bce", "minimize"),
        ("bits_per_dim", "minimize"),
        ("val/ECE", "minimize"),
        ("minADE", "minimize"),
        ("hd95", "minimize"),
        ("val_lpips", "minimize"),
        ("false_positive_rate", "minimize"),
        ("brier_score", "minimize"),
        ("nelbo", "minimize"),
        ("score", None),
        # Some log it negated.
        ("elbo", None),
        ("entropy", None),
        ("train_time", None),
        ("various", None),
        ("accelerated", None),
    ],
)
def test_the_usual_direction_of_a_metric_follows_from_its_name(
    metric: str, direction: str | None
) -> None:
    assert usual_direction(metric) == direction


def test_a_split_that_is_named_twice_is_replaced_twice() -> None:
    assert on_split("val/val_loss", "test") == "test/test_loss"
    assert on_split("val_train_gap", "test") == "test_train_gap"
