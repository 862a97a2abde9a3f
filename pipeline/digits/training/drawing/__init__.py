"""Digits, letters and scribbles drawn from strokes, to train on beside the given pictures."""
