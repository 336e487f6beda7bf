"""The kinds of database, one module each."""
