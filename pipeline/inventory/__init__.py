"""What lies in this checkout: which network, and how good it is."""
