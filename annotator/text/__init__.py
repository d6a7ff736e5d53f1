"""How texts of people and models are read, stored, compared and shown."""
