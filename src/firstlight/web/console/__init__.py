"""The review console: pages over the use cases."""
