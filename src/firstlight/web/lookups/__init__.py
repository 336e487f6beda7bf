"""Processes beside the service's own that answer look-ups and nothing else."""
