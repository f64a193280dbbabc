"""What is asked beside the proof: how good the files are at their task, where they lose accuracy, what they cost."""
