"""The demonstration corpus, the small model made from it and the judge that knows its answers."""
