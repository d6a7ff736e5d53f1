"""The demonstration corpus, the small model made from it and the gold scores of its answers."""
