"""From a case to its results: the problem, one file per stage, checkpoints, memory and cost."""
