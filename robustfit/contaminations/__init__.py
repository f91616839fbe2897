"""Where outliers come from: one contamination per file."""
