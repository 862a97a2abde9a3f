"""Everything about MLflow: where runs are stored, what they hold. Only it imports MLflow."""
