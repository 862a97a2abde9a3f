"""Convert picture files to MNIST's form: find, decode, separate ink from paper, normalise."""
