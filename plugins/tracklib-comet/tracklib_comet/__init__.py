"""Comet for tracklib."""
