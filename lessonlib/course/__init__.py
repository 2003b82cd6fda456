"""What the course asks: the clinic, the concept inventory, and runs whose causes are known."""
