"""Output of a run: results, ParaView files, figures, summary."""
