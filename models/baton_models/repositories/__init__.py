"""The questions that Baton asks of the store, one class per aggregate; the caller owns the transaction."""
