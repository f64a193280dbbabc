"""Masked language modelling: which tokens stand where some are hidden, measured by the share that is found."""
