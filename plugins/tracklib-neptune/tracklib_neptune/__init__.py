"""Neptune for tracklib."""
