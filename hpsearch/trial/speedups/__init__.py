"""The same training, faster: several batches per step, compiled networks, other memory formats."""
