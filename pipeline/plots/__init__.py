"""Figures, one module per stage or command: plain arrays in, `matplotlib.figure.Figure` out."""
