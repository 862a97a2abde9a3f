"""Start a command: its arguments, its configuration, and errors in one line."""
