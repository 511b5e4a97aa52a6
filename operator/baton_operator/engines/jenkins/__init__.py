"""Jenkins: a queue that merges, builds that vanish, and what can be promised all the same. Knows no other adapter."""
