"""An inventory of hosts, filled by scans, with a log of the scans beside it."""
