"""The folder that an export delivers: written whole or not at all, read back, verified and used."""
