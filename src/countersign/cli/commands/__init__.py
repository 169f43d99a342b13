"""What can be asked of the command line, a file a noun. Commands import their work when they run, so `--help` is quick."""
