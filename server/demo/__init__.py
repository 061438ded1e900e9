"""The demo workspace: the customers and orders of a real shop, two sequences, and readers."""
