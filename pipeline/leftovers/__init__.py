"""What lies here and is needed by no experiment, no run and no registered model."""
