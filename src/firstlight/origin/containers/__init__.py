"""One bounded walker per container."""
