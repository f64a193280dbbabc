"""Blocks of language networks: embeddings, attention with and without a cache, and the forms of a decoder."""
