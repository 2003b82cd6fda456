"""Rehearse a whole cycle with a class that does not exist: `tools.rehearsal`, as a command beside the others."""

import sys

from tools.rehearsal import main

if __name__ == "__main__":
    sys.exit(main())
