"""What several tests share, and bench too."""
