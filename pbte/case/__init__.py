"""Records of a case file and their errors: no mesh, no MPI."""
