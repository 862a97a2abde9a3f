"""What all other packages build on: errors, files, arrays, the machine. No digits in here."""
