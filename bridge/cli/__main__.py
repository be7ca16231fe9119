"""`python -m bridge.cli` is `wa`."""

from . import main

main()
