"""Labelled pictures to learn from, one module a data set."""
