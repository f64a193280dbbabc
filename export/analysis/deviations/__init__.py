"""How one quantized file differs from the Keras model: its largest errors by sample, and changed classes."""
