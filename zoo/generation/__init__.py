"""Generation, pictures from points of a latent space: the noise that selects a point, and the metrics."""
