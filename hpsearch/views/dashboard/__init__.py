"""Optuna's dashboard and TensorBoard over one study, each behind a guard, neither able to write."""
