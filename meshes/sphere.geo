// A sphere around the origin, finer in its core: the silicon nanoparticle of 200 nm.
//
//     gmsh -3 sphere.geo -o sphere.msh
//
// Region 'body', wall 'surface'. Lengths here are in nanometres, those of the file in metres.

SetFactory("OpenCASCADE");
radius = 100;
core = 45;        // radius of the finely meshed core
size = 40;        // edge length of the cells at the surface
core_size = 18;   // edge length of the cells in the core

Sphere(1) = {0, 0, 0, radius};
Physical Volume("body") = {1};
Physical Surface("surface") = Surface{:};

Field[1] = Ball;
Field[1].Radius = core;
Field[1].Thickness = radius - core;
Field[1].VIn = core_size;
Field[1].VOut = size;
Background Field = 1;
Mesh.MeshSizeExtendFromBoundary = 0;
Mesh.MeshSizeFromPoints = 0;
Mesh.ScalingFactor = 1e-9;
