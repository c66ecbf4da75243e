"""Aim for tracklib."""
