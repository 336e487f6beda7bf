"""The interface of Meta's Hasher-Matcher-Actioner, for clients that point at one today."""
