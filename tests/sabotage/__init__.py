"""Guards taken out one at a time: a proof that the tests would notice."""
