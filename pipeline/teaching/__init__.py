"""Teach a network from corrections: what it learns, how it learns, whether it is better."""
