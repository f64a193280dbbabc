"""How the measurements reach a reader: a table in the terminal, a page in the browser."""
