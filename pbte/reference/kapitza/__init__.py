"""Kapitza resistance: mismatch models, rough contacts, the two-temperature model."""
