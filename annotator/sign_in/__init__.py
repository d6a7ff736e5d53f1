"""What Chorus adds to allauth: who may sign up, what is logged, links with secrets, counted attempts."""
