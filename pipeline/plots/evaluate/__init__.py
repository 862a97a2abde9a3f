"""Figures of the evaluate stage: mistakes, scores of each class, and calibration."""
