"""Training and compression of networks on the user's photos and texts; independent of export formats."""
