"""Where data come from: one scenario per file."""
