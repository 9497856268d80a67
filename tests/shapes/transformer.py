"""Fine-tuning in the way of the GLUE tutorial: token ids in mappings, warm-up, several metrics."""

from __future__ import annotations

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset


class Encoder(nn.Module):
    """A transformer with random weights, called by keywords and answering with a mapping."""

    def __init__(self, vocabulary: int, width: int, heads: int) -> None:
        super().__init__()
        self.words = nn.Embedding(vocabulary, width)
        layer = nn.TransformerEncoderLayer(width, heads, 2 * width, dropout=0.1, batch_first=True)
        self.layers = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
        self.head = nn.Linear(width, 2)

    def forward(
        self, input_ids: Tensor, attention_mask: Tensor, labels: Tensor | None = None
    ) -> dict[str, Tensor]:
        hidden = self.layers(self.words(input_ids), src_key_padding_mask=attention_mask == 0)
        logits = self.head(hidden[:, 0])
        if labels is None:
            return {"logits": logits}
        return {"logits": logits, "loss": nn.functional.cross_entropy(logits, labels)}


class FineTuned(pl.LightningModule):
    """The encoder with its lower layers frozen for the first epoch."""

    def __init__(self, width: int = 8, heads: int = 2, lr: float = 1e-3, warmup: int = 2) -> None:
        super().__init__()
        if width % heads:
            raise ValueError("embed_dim must be divisible by num_heads")
        self.save_hyperparameters()
        self.encoder = Encoder(32, width, heads)

    def forward(self, **inputs: Tensor) -> Any:
        return self.encoder(**inputs)

    def on_train_epoch_start(self) -> None:
        self.encoder.words.weight.requires_grad_(self.current_epoch > 0)

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        loss: Tensor = self(**batch)["loss"]
        return loss

    def _evaluate(self, batch: Any, stage: str) -> None:
        found = self(**batch)
        right = (found["logits"].argmax(1) == batch["labels"]).float().mean()
        self.log_dict({f"{stage}_loss": found["loss"], f"{stage}_acc": right})

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self._evaluate(batch, "val")

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self._evaluate(batch, "test")

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(self.parameters(), lr=self.hparams["lr"])
        warmup = self.hparams["warmup"]
        schedule = torch.optim.lr_scheduler.LambdaLR(
            optimizer, lambda step: min(1.0, (step + 1) / warmup)
        )
        return [optimizer], [{"scheduler": schedule, "interval": "step", "frequency": 1}]


class Sentences(Dataset[dict[str, Tensor]]):
    """Rows of token ids; the first decides the label, the last are padding."""

    def __len__(self) -> int:
        return 32

    def __getitem__(self, index: int) -> dict[str, Tensor]:
        generator = torch.Generator().manual_seed(index)
        ids = torch.randint(1, 32, (6,), generator=generator)
        mask = torch.tensor([1, 1, 1, 1, 1, index % 2])
        return {"input_ids": ids * mask, "attention_mask": mask, "labels": (ids[0] > 15).long()}


class Corpus(pl.LightningDataModule):
    """The sentences, for training, validation and test."""

    def train_dataloader(self) -> Any:
        return DataLoader(Sentences(), 8, shuffle=True)

    def val_dataloader(self) -> Any:
        return DataLoader(Sentences(), 16)

    test_dataloader = val_dataloader
