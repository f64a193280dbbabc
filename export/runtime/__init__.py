"""Processes in which a runtime runs a file: a crash there is a sentence here."""
