"""Starting the engine in a process of its own, and following it."""
