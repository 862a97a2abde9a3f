"""The basics of all other packages, free of digits: errors, files, arrays, the machine."""
