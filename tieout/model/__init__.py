"""The canonical nouns: frozen values, no input or output.

What another system told us is a *fact*; what we issue is a *document*.
"""
