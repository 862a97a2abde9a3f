"""One network reads a whole line of digits: strips, their reading, its answer."""
