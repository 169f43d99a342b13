"""Facts: what code finds worth saying about a snapshot, typed and ready for a drafter to choose from."""
