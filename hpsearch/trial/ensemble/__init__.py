"""Several trained models that answer as one: chosen, averaged, tested, exported."""
