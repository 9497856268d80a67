"""The report: one HTML page that explains a study, one section a file, each from plain data."""
