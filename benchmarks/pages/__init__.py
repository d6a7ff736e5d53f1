"""How long the pages take that count judgments, at a project with many of them."""
