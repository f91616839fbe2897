"""One file per question: its docstring asks, running it answers, and what it writes to `results/` is computed."""
