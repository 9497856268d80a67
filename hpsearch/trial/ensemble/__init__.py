"""Ensembles of trained models: chosen, averaged, tested, exported."""
