"""Bring picture files to MNIST's form: find, decode, tell ink from paper, normalise."""
