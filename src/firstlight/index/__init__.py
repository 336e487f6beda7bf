"""Exact search under Hamming distance, live across processes, and the self-join for bundling."""

from firstlight.index.hamming import HammingIndex
from firstlight.index.hits import Hit, Hits
from firstlight.index.join import Neighbours, neighbours

__all__ = ["HammingIndex", "Hit", "Hits", "Neighbours", "neighbours"]
