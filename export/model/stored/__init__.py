"""What a model's file says about the model, read without TensorFlow: whether it is whole, its layers and its inputs."""
