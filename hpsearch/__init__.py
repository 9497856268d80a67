"""Hyperparameter search for PyTorch Lightning."""
