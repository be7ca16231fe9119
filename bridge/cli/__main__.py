"""`python -m bridge.cli` is `wa`."""

from bridge.cli import main

main()
