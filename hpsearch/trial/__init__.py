"""What one trial is: a LightningModule, a LightningDataModule and a Trainer, on one page."""
