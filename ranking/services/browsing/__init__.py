"""Finding judgments, reading them, and exporting them."""
