"""The compiled loops: arrays and scalars in, arrays and counts out. numba is used here and nowhere else."""
