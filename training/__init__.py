"""Training and compression of networks on the user's photos; independent of export formats."""
