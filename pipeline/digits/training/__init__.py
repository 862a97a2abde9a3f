"""Train a network to read a digit. Only this package and line_training know TensorFlow."""
