"""Labelled pictures to train on, one module a data set."""
