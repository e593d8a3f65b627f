"""`python -m fracture_core`: the command line."""

import sys

from fracture_core.cli.command_line import main

if __name__ == "__main__":
    sys.exit(main())
