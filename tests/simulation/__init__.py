"""The whole house in one process, with its surroundings made of seeded chance: see docs/simulation.md."""
