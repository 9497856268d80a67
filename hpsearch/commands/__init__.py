"""The commands: one function each, which prints and returns the exit code."""
