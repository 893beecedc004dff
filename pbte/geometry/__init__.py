"""Mesh builders on gmsh, mesh files, and meshes with named regions, walls and interfaces."""
