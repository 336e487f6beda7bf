"""Exact search under Hamming distance, live across processes, and the self-join for bundling."""

from firstlight.index.hamming import HammingIndex
from firstlight.index.hits import Hit, Hits
from firstlight.index.join import Neighbours, neighbours
from firstlight.index.warm import kernel_facts, warm_up

__all__ = ["HammingIndex", "Hit", "Hits", "Neighbours", "kernel_facts", "neighbours", "warm_up"]
