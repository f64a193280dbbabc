"""Find out which channels of a network can be scaled, or can only be removed together, and their ranges."""
