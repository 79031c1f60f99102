"""What Gate's spot and futures markets have in common."""
