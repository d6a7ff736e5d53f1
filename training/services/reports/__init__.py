"""What a report of a round tells beside its line in the timeline."""
