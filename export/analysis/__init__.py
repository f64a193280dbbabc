"""Analyses of exported files: evaluation on labelled data, diagnosis by layer, and budgets."""
