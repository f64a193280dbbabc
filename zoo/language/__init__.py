"""Blocks of language networks: embeddings, attention, the forms of a decoder, and tokenizers."""
