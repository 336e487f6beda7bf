"""Readers: one file each. Each answers every member of a shard once, in order, and names what is wrong with it."""
