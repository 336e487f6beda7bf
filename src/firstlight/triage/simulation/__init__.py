"""The parts of the smokescreen simulator; `firstlight.triage.simulate` is its front door."""
