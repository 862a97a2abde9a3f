"""The checkout that a command works in: its locks, what its stages read, DVC and Git."""
