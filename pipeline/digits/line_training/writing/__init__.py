"""Compose lines of handwriting: what they say, by which hand, on which paper."""
