"""Delivery: from the journal to each backend, in processes of their own."""
