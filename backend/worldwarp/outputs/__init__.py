"""Files a finished shot is delivered as, and pictures it starts from."""
