"""Filing: from a checked draft to exactly one finished report, through every failure in between."""
