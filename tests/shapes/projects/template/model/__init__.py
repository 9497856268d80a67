"""Networks by their names."""

from model.model_interface import MInterface

__all__ = ["MInterface"]
