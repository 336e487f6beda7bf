"""Formats that investigators' own tools read, so that nobody retypes; one file a format."""
