"""The ground under everything: errors, files, arrays, the machine. Knows nothing of digits."""
