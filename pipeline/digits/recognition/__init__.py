"""Read digits and numbers from many picture files."""
