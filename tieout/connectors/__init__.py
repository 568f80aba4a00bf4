"""Connectors: one folder a vendor, each a table of facts and pure translation functions.

`base.py` says what a connector is; `transport.py` is the one HTTP door;
`registry.py` is the only file that names vendors.
"""
