"""Pages that follow a judgment forward to versions, and a version back to judgments."""
