"""Devices that are not there: each answers as the real one does, and breaks where told. Part of the product."""
