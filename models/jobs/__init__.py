"""Work that a transaction leaves to be done: rows that survive everything, and leases on them."""
