"""Digits, letters and scribbles drawn from strokes, to train on besides the data set's pictures."""
