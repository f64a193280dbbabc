"""Round, prune and refit weights layer by layer, so that each layer's outputs stay near the original's."""
