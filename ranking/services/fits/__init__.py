"""How reliable people's votes are: asking for it, and finding it out."""
