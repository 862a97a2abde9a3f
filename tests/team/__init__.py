"""A team's server, as docs/team-server.md sets it up, and the people who use it."""
