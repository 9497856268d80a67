"""The commands: one function each; it parses nothing, prints, and returns the exit code."""
