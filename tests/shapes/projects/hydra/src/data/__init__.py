"""Part of a project."""
