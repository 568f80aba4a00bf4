"""Figures about speed, each beside a bare loop in the same run. Start with `main`."""
