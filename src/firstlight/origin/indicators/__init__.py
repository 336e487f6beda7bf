"""One file per kind of indicator: `detect()` and the table of everything it can say."""
