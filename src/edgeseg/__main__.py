"""Entry point of ``edgeseg`` and of ``python -m edgeseg``."""


def main() -> None:
    """Run the command line.

    It is imported here and not above, because every worker imports this module again.
    """
    from edgeseg.cli import main as command_line  # noqa: PLC0415 - 4 MB of a worker

    command_line()


if __name__ == "__main__":
    main()
