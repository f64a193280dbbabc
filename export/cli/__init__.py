"""The command-line programs `zoo` and `zoo-export`."""
