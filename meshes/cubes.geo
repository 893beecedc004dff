// Two cubes of 500 nm, silicon and germanium, that share the face x = 0.
//
//     gmsh -3 cubes.geo -o cubes.msh
//
// Regions 'si' (x < 0) and 'ge' (x > 0), walls 'left', 'right' and 'sides', interface 'si-ge'.
// Cells become finer towards the interface. Lengths here are in nanometres, those of the file in
// metres.

SetFactory("OpenCASCADE");
edge = 500;
size = 200;                // edge length of the cells far from the interface
size_at_interface = 90;    // edge length of the cells at the interface

Box(1) = {-edge, 0, 0, edge, edge, edge};
Box(2) = {0, 0, 0, edge, edge, edge};
// Cut both at their common face, so that it is one surface with one mesh.
BooleanFragments{ Volume{1}; Delete; }{ Volume{2}; Delete; }

e = 1;  // tolerance of the boxes that pick surfaces by their place
left() = Surface In BoundingBox{-edge - e, -e, -e, -edge + e, edge + e, edge + e};
right() = Surface In BoundingBox{edge - e, -e, -e, edge + e, edge + e, edge + e};
interface() = Surface In BoundingBox{-e, -e, -e, e, edge + e, edge + e};
sides() = Surface{:};
sides() -= {left(), right(), interface()};

Physical Volume("si") = {1};
Physical Volume("ge") = {2};
Physical Surface("left") = left();
Physical Surface("right") = right();
Physical Surface("sides") = sides();
Physical Surface("si-ge") = interface();

Field[1] = MathEval;
Field[1].F = Sprintf("min(%g, %g + 0.3 * abs(x))", size, size_at_interface);
Background Field = 1;
Mesh.MeshSizeExtendFromBoundary = 0;
Mesh.MeshSizeFromPoints = 0;
Mesh.ScalingFactor = 1e-9;
