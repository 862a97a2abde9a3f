"""The text of `--help`: every key with its value, a sentence and its range."""
