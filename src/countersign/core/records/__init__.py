"""Records: bytes, the view that a named parser makes of them, and what the dictionary says their fields are."""
