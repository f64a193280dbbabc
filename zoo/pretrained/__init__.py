"""Where the trained weights of each family come from, pinned by digest, and how their stored names become ours."""
