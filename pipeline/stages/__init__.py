"""The five stages of the DVC pipeline, each a command of its own, and what they share."""
