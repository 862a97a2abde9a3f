"""Record runs: a recorder in every stage, and one process that writes for all of them."""
