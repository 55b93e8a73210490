"""The loop, optimisation, checkpoints, journal."""
