"""A person decides: reviews, what they ask for by tier, and decisions that are signed."""
