"""Imported once, by the server that forks shards for `tests.actors.zombie_shard`: the kernels are loaded before."""

from actors.warmup import warm_up

warm_up()
