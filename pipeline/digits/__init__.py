"""The domain: pixels in, digits out. Knows no Hydra, DVC, MLflow or matplotlib."""
