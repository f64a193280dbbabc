"""Where a quantized file lost its accuracy: layer by layer, named as in Keras, with the cure to try."""
