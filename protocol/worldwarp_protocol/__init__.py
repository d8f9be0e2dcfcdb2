"""Messages, limits, errors, session rules, keys and client of the WorldWarp protocol."""
