"""One trial: a LightningModule, a LightningDataModule and a Trainer, on one page."""
