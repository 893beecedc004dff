"""Heat exchange mediated by a quantum system (Drude-Ullersma)."""
