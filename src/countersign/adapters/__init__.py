"""Everything that touches the world: files, databases, the clock."""
