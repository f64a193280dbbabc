"""Diagnosis of quantized files: the error of each Keras layer, and suggestions for the worst layers."""
