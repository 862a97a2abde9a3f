"""Write runs: the recorder of a stage, and the process that writes for all stages."""
