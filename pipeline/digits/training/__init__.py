"""Train a network to read a digit. Only this package and row_training know TensorFlow."""
