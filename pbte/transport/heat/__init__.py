"""Heat equation on sweep meshes: discretisation and solvers."""
