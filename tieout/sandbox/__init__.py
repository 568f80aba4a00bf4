"""Faithful local stand-ins for the vendors, each built from the vendor's published behaviour.

A stand-in keeps its own books and shares no code with the connectors: it may
import `tieout.clock` and nothing else of ours.
"""
