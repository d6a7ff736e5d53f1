"""What waits for reviewers: a page for each kind of decision."""
