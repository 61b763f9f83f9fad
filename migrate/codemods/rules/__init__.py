"""The kit's rules, one module each, named by code."""
