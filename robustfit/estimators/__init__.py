"""Statistical procedures: one estimator per file."""
