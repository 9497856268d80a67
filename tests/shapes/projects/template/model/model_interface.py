"""An interface that loads a network by its name and gives it those hyperparameters it takes."""

import importlib
import inspect

import pytorch_lightning as pl
import torch
import torch.optim.lr_scheduler as lrs
from torch import nn


class MInterface(pl.LightningModule):
    def __init__(self, model_name, loss, lr, **kargs):
        super().__init__()
        self.save_hyperparameters()
        self.load_model()
        self.configure_loss()

    def forward(self, img):
        return self.model(img)

    def training_step(self, batch, batch_idx):
        img, labels, _ = batch
        loss = self.loss_function(self(img), labels)
        self.log("loss", loss, on_step=True, on_epoch=True, prog_bar=True)
        return loss

    def validation_step(self, batch, batch_idx):
        img, labels, _ = batch
        out = self(img)
        right = (out.argmax(axis=1) == labels).sum()
        self.log("val_loss", self.loss_function(out, labels), on_epoch=True, prog_bar=True)
        self.log("val_acc", right / len(out), on_step=False, on_epoch=True, prog_bar=True)
        return right, len(out)

    def test_step(self, batch, batch_idx):
        return self.validation_step(batch, batch_idx)

    def on_validation_epoch_end(self):
        self.print("")

    def configure_optimizers(self):
        decay = self.hparams.weight_decay if hasattr(self.hparams, "weight_decay") else 0
        optimizer = torch.optim.Adam(self.parameters(), lr=self.hparams.lr, weight_decay=decay)
        if self.hparams.lr_scheduler is None:
            return optimizer
        scheduler = lrs.StepLR(
            optimizer,
            step_size=self.hparams.lr_decay_steps,
            gamma=self.hparams.lr_decay_rate,
        )
        return [optimizer], [scheduler]

    def configure_loss(self):
        losses = {"ce": nn.functional.cross_entropy, "l1": nn.functional.l1_loss}
        self.loss_function = losses[self.hparams.loss.lower()]

    def load_model(self):
        name = self.hparams.model_name
        camel_name = "".join(part.capitalize() for part in name.split("_"))
        module = importlib.import_module("." + name, package=__package__)
        self.model = self.instancialize(getattr(module, camel_name))

    def instancialize(self, network, **other_args):
        taken = inspect.getfullargspec(network.__init__).args[1:]
        given = {name: getattr(self.hparams, name) for name in taken if name in self.hparams}
        return network(**given | other_args)
