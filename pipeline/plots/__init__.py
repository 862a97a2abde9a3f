"""Figures made for reading: one module a stage, plain arrays in, `matplotlib.figure.Figure` out."""
