"""How wide the errors are: one scale per file."""
