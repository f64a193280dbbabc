"""A network drawn with Graphviz: what repeats is drawn once."""
