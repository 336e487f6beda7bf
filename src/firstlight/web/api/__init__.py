"""The API for programs, version 1: items, matches, cases, decisions, filings, banks."""
