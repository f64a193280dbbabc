"""What an export may cost, in answers, bytes and milliseconds, and the file that keeps to it."""
