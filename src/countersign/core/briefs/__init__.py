"""Briefs: what a drafter may see and say, and what is concluded, asked and written from what stood the checks."""
