"""The command line: every command is a rendering of what casework answers."""
