"""Who somebody is: persons and their roles, the keys they sign with, what a signature proves."""
