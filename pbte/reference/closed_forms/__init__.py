"""Films, wires, spheres and gratings with solutions in closed form."""
