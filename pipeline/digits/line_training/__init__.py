"""Train the network that reads lines, on lines composed of single digits."""
