"""Portability: comparing and moving runs between places."""
