"""The temperature jump at an interface: mismatch models, two temperatures."""
