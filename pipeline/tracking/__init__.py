"""All that concerns MLflow: where runs are stored and what they hold. Only it imports MLflow."""
