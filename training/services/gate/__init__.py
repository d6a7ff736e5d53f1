"""What a candidate must pass before it goes live: its evaluation, and a blind test by people."""
