"""Write runs: a stage's recorder, and the process that writes for it."""
