"""What waits for reviewers, and their decisions."""
