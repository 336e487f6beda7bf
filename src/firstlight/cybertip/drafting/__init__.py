"""From the facts of a case to a draft of its report."""
