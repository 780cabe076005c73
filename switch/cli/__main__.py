"""`python -m switch.cli`."""

from switch.cli import main

main()
