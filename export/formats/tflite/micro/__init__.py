"""What TensorFlow Lite Micro, the runtime of microcontrollers, needs for a .tflite: operators, memory, work."""
