"""What a site generator calls."""
