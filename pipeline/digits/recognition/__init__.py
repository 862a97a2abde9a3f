"""From many picture files to digits and numbers."""
