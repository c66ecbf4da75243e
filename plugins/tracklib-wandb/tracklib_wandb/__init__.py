"""Weights & Biases for tracklib."""
