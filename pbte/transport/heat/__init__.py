"""The heat equation on the meshes of the sweep."""
