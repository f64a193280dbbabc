"""Diagrams of networks, drawn with Graphviz; repeated blocks are drawn once."""
