"""Seeded histories of a firm: real product code, stand-ins in process, virtual time, faults."""
