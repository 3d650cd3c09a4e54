"""The rules of stock: arrays in, arrays out. No clock, no chance, no file, no socket, no thread, no Ray."""
