"""Pure decisions: what follows from spec, rows and observations. No I/O, and no clock of their own."""
