"""Start TensorFlow. Each trick has a file of its own, which states what it gains."""
