"""Train a network that tells digits apart. Everything TensorFlow is here and in row_training."""
