"""Shapes made with gmsh, and meshes with named regions and walls."""
