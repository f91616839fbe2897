"""How a problem is minimised: one kind of solver per file."""
