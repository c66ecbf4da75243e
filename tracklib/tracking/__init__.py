"""Tracking: what training code talks to."""
