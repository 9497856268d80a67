"""Inference: how a model is called with a batch, and what that costs."""
