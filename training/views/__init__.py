"""Pages of training, for coordinators."""
