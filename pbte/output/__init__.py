"""What a run writes: results, ParaView files, plots."""
