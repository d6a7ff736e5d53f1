"""Updates: starting and watching one, and two side by side."""
