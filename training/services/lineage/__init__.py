"""From a judgment forward to what it shaped, and from a version back to the judgments."""
