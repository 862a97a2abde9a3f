"""Sweeps and searches: trials, what runs them, and their results."""
