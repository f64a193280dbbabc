"""What a microcontroller gets: the network and golden data as C++, an example, and what was measured."""
