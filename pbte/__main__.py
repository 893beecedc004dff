"""``python -m pbte`` is the command ``pbte``."""

from pbte.cli.main import main

if __name__ == "__main__":
    main()
