"""Depth networks in torch, and what runs them. Importing a module of this package imports torch: do it in functions."""
