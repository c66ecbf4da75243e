"""Capture: what is learned of a run's surroundings by a process of its own, beside the training."""
