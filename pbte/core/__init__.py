"""Foundations of all packages: constants, types, errors, expressions, ranks, shared memory."""
