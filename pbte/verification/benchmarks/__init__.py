"""What `pbte bench` measures: how fast drift and mixing are on this machine."""
