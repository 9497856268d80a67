"""A trial on disk: its checkpoints, its position in the data, and who owns its folder."""
