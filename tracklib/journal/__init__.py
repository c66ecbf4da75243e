"""The journal: a run's append-only files on its own disk."""
