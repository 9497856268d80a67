"""A trial on the disk: its checkpoints, its place in the data, and whose folder it is."""
