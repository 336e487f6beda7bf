"""The use cases: intake, examination, cases, review, filing, preservation, reconciliation, over all rooms below."""
