"""The ground under everything: errors, files, the machine. Knows nothing of digits."""
