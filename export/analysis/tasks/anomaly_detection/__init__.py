"""Anomaly detection: what a network that knows the normal reconstructs badly is anomalous."""
