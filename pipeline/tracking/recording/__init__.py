"""Record runs: every stage writes a journal, and a process of its own delivers it to MLflow."""
