"""Generation, pictures from points of a latent space: training, and the scores."""
