"""A network whose sizes only the data know: how many words there are, and how many tags."""

from typing import Any

import pytorch_lightning as pl
import torch
from torch import Tensor, nn
from torch.nn.utils.rnn import pad_sequence
from torch.utils.data import DataLoader

TEXTS = [("the cat sat", "dnv"), ("a dog ran off", "dnvp"), ("cats ran", "nv"), ("sit", "v")] * 6


class Tags(pl.LightningDataModule):
    def __init__(self, batch_size: int = 4) -> None:
        super().__init__()
        self.batch_size = batch_size

    def setup(self, stage: str | None = None) -> None:
        self.words = {
            word: i for i, word in enumerate(sorted({w for t, _ in TEXTS for w in t.split()}), 1)
        }
        self.tags = {tag: i for i, tag in enumerate(sorted({t for _, tags in TEXTS for t in tags}))}
        self.vocab_size, self.num_tags = len(self.words) + 1, len(self.tags)

    def collate(self, texts: Any) -> tuple[Tensor, Tensor]:
        words = [torch.tensor([self.words[word] for word in text.split()]) for text, _ in texts]
        tags = [torch.tensor([self.tags[tag] for tag in tags]) for _, tags in texts]
        return pad_sequence(words, True, 0), pad_sequence(tags, True, -100)

    def train_dataloader(self) -> Any:
        return DataLoader(TEXTS, self.batch_size, shuffle=True, collate_fn=self.collate)

    def val_dataloader(self) -> Any:
        return DataLoader(TEXTS[:8], self.batch_size, collate_fn=self.collate)

    test_dataloader = val_dataloader


class Tagger(pl.LightningModule):
    def __init__(self, vocab_size: int, num_tags: int, width: int = 4, lr: float = 0.01) -> None:
        super().__init__()
        self.save_hyperparameters()
        self.words, self.head = nn.Embedding(vocab_size, width, 0), nn.Linear(width, num_tags)

    def forward(self, words: Tensor) -> Tensor:
        scores: Tensor = self.head(self.words(words))
        return scores

    def _loss(self, batch: Any) -> Tensor:
        return nn.functional.cross_entropy(self(batch[0]).transpose(1, 2), batch[1])

    def training_step(self, batch: Any, batch_idx: int) -> Tensor:
        return self._loss(batch)

    def validation_step(self, batch: Any, batch_idx: int) -> None:
        self.log("val_loss", self._loss(batch), batch_size=len(batch[0]))

    def test_step(self, batch: Any, batch_idx: int) -> None:
        self.log("test_loss", self._loss(batch), batch_size=len(batch[0]))
