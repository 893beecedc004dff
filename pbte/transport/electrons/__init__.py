"""The two-temperature model: electrons and phonons of a metal."""
