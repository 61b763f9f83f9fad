"""Checks a port: by reading it, and by training it under a simulated NPU beside upstream."""
