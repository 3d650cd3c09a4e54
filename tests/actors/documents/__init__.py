"""Tests of the documents: writer, reconciler, directory, keys."""
