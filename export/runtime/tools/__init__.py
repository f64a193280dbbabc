"""Tools of others that run in Python environments of their own, because their dependencies differ from ours."""
