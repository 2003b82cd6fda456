"""What the course costs and how fast it is, measured beside its peers; ``python -m benchmarks`` runs all of it."""
