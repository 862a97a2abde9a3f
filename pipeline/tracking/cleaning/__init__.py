"""Which runs MLflow has, which of them were deleted, and their removal for good."""
