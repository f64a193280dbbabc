"""Training and compression of networks on the user's photos, sounds and texts; independent of export formats."""
