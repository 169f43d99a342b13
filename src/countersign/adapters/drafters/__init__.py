"""Drafters: they take a dossier and return one JSON document. They can only speak."""
