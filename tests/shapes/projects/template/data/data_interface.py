"""An interface that loads a data set by its name and gives it those arguments it takes."""

import importlib
import inspect

import pytorch_lightning as pl
from torch.utils.data import DataLoader


class DInterface(pl.LightningDataModule):
    def __init__(self, num_workers=0, dataset="", **kwargs):
        super().__init__()
        self.num_workers = num_workers
        self.dataset = dataset
        self.kwargs = kwargs
        self.batch_size = kwargs["batch_size"]
        self.load_data_module()

    def setup(self, stage=None):
        if stage == "fit" or stage is None:
            self.trainset = self.instancialize(train=True)
            self.valset = self.instancialize(train=False)
        if stage == "test" or stage is None:
            self.testset = self.instancialize(train=False)

    def train_dataloader(self):
        return DataLoader(self.trainset, self.batch_size, shuffle=True)

    def val_dataloader(self):
        return DataLoader(self.valset, self.batch_size, shuffle=False)

    def test_dataloader(self):
        return DataLoader(self.testset, self.batch_size, shuffle=False)

    def load_data_module(self):
        camel_name = "".join(part.capitalize() for part in self.dataset.split("_"))
        module = importlib.import_module("." + self.dataset, package=__package__)
        self.data_module = getattr(module, camel_name)

    def instancialize(self, **other_args):
        taken = inspect.getfullargspec(self.data_module.__init__).args[1:]
        given = {name: self.kwargs[name] for name in taken if name in self.kwargs}
        return self.data_module(**given | other_args)
