"""Run Python with the runtimes for another processor, in QEMU's user mode: what is computed there, never how fast."""
