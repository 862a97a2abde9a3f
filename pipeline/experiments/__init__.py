"""Many trainings: what a trial is, what runs it, what came of it."""
