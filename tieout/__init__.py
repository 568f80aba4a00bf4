"""Tieout keeps a services firm's CRM, time tools and ledger in agreement."""

__version__ = "0.1.0"
