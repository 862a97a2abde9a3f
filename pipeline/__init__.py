"""A configurable pipeline for handwritten digits: Hydra configures, DVC chains, MLflow records."""
