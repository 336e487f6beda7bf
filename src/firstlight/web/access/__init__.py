"""Who may do what: users, roles, passkeys, sessions, keys of machines. All of it lies in the home's database."""
