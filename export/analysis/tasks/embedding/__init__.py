"""Embedding: from a text to a vector, whose cosine with other vectors says how alike two texts are."""
