"""The forms of people and prompts, a module for each page."""
