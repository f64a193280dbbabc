"""Our int8 files compared with those of other tools: the same network, photos and evaluator for all."""
