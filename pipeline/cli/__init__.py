"""How a command starts, and how an error becomes one line."""
