"""Prove that both sides agree, or name each difference. Reads only."""
