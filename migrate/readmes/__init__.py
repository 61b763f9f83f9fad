"""The READMEs of a port, in Chinese and English, from the same facts."""
