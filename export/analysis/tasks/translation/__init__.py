"""Translation: from a text to another one, measured by the share of texts that are exactly right."""
