"""What an error costs: one loss per file."""
