"""The prepaid balance: what is paid in, what usage costs, and what happens when nothing is left."""
