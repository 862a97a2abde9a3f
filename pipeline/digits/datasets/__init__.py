"""Labelled pictures to train on, one module per data set."""
