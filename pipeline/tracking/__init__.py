"""Everything MLflow: where runs are kept and what is recorded in them. Nothing else imports it."""
