"""How the errors of a scenario are distributed: one noise per file."""
