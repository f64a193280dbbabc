"""Our int8 files beside those of other tools: the same network, photos and evaluator for all."""
