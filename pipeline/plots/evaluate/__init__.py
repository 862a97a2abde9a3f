"""Figures of the evaluate stage: its measurements, and how the trainings went."""
