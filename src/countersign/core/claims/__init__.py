"""Claims: typed statements about a frozen snapshot, and the numbered checks they must survive."""
