"""The five loops: each claims, decides, acts and records; each can die at any instruction and run in any number."""
