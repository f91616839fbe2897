"""What a misplaced box costs: one loss per file."""
