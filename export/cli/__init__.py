"""The commands `zoo` and `zoo-export`."""
