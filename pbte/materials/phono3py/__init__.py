"""Materials from force constants through phono3py."""
