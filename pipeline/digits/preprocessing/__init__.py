"""From a picture file to a picture as MNIST holds it."""
