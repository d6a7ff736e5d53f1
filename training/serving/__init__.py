"""Serving versions by llama.cpp: a server as a process, talking to it, and checking what it answers.

No Django and no torch in here. Which server serves what is decided in `training.services.serving`.
"""
