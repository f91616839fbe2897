"""`python -m robustfit` is the command `robustfit`."""

from robustfit.cli import main

if __name__ == "__main__":
    main()
