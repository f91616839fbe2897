"""What a wrong or unsure label costs: one loss per file."""
