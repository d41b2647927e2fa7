"""Entry point of ``python -m edgeseg``."""

from edgeseg.cli import main

if __name__ == "__main__":
    main()
