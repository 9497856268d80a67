"""Data sets by their names."""

from data.data_interface import DInterface

__all__ = ["DInterface"]
