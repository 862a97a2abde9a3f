"""How TensorFlow starts. Each trick that this takes has a file of its own, with its gain."""
