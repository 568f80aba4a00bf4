"""Approved work and terms in, document drafts out. Pure: no clock, no input or output.

Start with `draft.draft_invoices`. Every entry given comes back once: on a draft, held
with a reason, never billed, or billed already.
"""
