"""MLflow for tracklib."""
