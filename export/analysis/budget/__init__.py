"""Budgets: find the best file within limits of accuracy loss, size and latency."""
