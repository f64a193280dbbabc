"""Turn a model of whole sequences into one that reads a step at a time: state in, state out."""
