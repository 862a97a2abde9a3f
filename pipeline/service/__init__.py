"""Answer over HTTP: which digit is on a picture, or which number."""
