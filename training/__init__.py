"""Training: a network of the zoo learns what a user's photos show. Knows nothing about file formats of exports."""
