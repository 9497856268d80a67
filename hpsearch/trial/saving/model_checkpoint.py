"""What modules read from `trainer.checkpoint_callback`, as from Lightning's ModelCheckpoint."""

from __future__ import annotations

from typing import Any

from pytorch_lightning.callbacks import Checkpoint


class ReadAsModelCheckpoint(Checkpoint):
    """Has the attributes of a ModelCheckpoint that keeps the best model and the last.

    A subclass has its `best_model_path` and `best_model_score`.
    """

    filename = "best"
    save_top_k = 1
    save_last = True

    @property
    def best_k_models(self) -> dict[str, Any]:
        """The score of the best model by its path."""
        own: Any = self
        return {own.best_model_path: own.best_model_score} if own.best_model_path else {}

    @property
    def kth_best_model_path(self) -> str:
        """The path of the worst model that is kept: the best is the only one."""
        return next(iter(self.best_k_models), "")

    @property
    def kth_value(self) -> Any:
        """The score of the worst model that is kept."""
        return self.best_k_models.get(self.kth_best_model_path)
