"""The curve reader: what a training log proves, with its uncertainty, and what it does not."""
