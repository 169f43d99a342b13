"""The audit log: entries, and the Merkle tree over them."""
