"""Places for sealed originals, one file a kind."""
