"""What several tests share. What bench needs too is in bench, which imports no tests."""
