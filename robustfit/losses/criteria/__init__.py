"""Losses of networks' outputs that are evaluated, not fitted: one per file."""
