"""Measurements of the engine beside its peers and its limits, in one run: `make bench`."""
