"""Many exports in one run: networks and files x recipes x devices, kept by what decides them, here or on a cluster."""
