"""The report as frozen models in wire order, one file for each part of it."""
