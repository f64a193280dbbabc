"""Models of any inputs: rows of arrays with targets, judged by what the outputs mean."""
