"""What listens: vendors' notifications are verified, stored and answered, and nothing more.

Read `app.py` first. `tieout serve` runs it; nothing it does is needed for any work to be
done, so it may be down, slow or not there at all.
"""
