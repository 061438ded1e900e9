"""`python -m server.cli`, as the supervisor starts its children."""

from server.cli import main

main(prog_name="dripgraph")
