"""Figures of the evaluate stage: the mistakes, and how far a confidence can be trusted."""
