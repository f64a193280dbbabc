"""Blocks that language networks share, their tokenizers, and how text becomes their inputs."""
