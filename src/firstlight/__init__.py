"""Firstlight finds the real children through the smoke of machine-made imagery."""

from importlib.metadata import PackageNotFoundError, version

try:
    __version__ = version("firstlight")
except PackageNotFoundError:  # run from a source tree that was not installed
    __version__ = "0+unknown"
