"""Language modelling: from the tokens of a text to the chances of the next one, measured by perplexity."""
