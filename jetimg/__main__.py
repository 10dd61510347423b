"""`python -m jetimg`."""

from jetimg.cli.main import main

main()
