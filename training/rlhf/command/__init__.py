"""What the command `python -m training.rlhf` does, by the kind of work; see `training.rlhf.__main__`."""
