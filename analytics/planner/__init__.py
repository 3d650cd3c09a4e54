"""SQL of planners: over a copy of the tables, in a process of its own that may do nothing else."""
