"""Train the network that reads rows of touching digits."""
