"""A model in use: how it is called with a batch, and what that costs."""
