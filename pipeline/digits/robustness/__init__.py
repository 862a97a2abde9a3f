"""Measure a network on what it was not trained for: corrupted pictures, pictures of no class."""
