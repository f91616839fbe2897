"""What a coefficient costs: one penalty per file."""
