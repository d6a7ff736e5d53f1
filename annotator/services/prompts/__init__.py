"""Adding, editing and withdrawing prompts."""
