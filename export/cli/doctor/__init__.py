"""The checks of `zoo doctor`; this package does not print."""
