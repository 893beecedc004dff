// A fin on a substrate: one fin of an array of long fins, as in a fin field-effect transistor.
//
//     gmsh -3 fin.geo -o fin.msh
//
//            z ^      top
//              |    +-----+
//              |    | fin | flanks
//     surface  +----+-----+----+  surface
//       x_min  |   substrate   |  x_max
//              +---------------+ --> x
//                   bottom
//
// Regions 'substrate' and 'fin', interface 'fin-substrate'. Walls: 'bottom' of the substrate, its
// uncovered 'surface', 'x_min' and 'x_max' half-way to the neighbouring fins, 'flanks' and 'top' of
// the fin, and 'y_min' and 'y_max', the ends of both. Lengths here are in nanometres, those of the
// file in metres.

SetFactory("OpenCASCADE");
pitch = 60;          // distance of neighbouring fins
length = 40;         // extent along the fin
depth = 40;          // thickness of the substrate
width = 16;          // width of the fin
height = 40;         // height of the fin
size = 14;           // edge length of the cells in the substrate
size_in_fin = 7;     // edge length of the cells in the fin

Box(1) = {-pitch / 2, 0, -depth, pitch, length, depth};
Box(2) = {-width / 2, 0, 0, width, length, height};
// Cut both at their common face, so that it is one surface with one mesh.
BooleanFragments{ Volume{1}; Delete; }{ Volume{2}; Delete; }

e = 0.1;             // tolerance of the boxes that pick surfaces by their place
p = pitch / 2 + e;
w = width / 2 + e;
bottom() = Surface In BoundingBox{-p, -e, -depth - e, p, length + e, -depth + e};
x_min() = Surface In BoundingBox{-p, -e, -depth - e, -p + 2 * e, length + e, e};
x_max() = Surface In BoundingBox{p - 2 * e, -e, -depth - e, p, length + e, e};
interface() = Surface In BoundingBox{-w, -e, -e, w, length + e, e};
surface() = Surface In BoundingBox{-p, -e, -e, p, length + e, e};
surface() -= interface();
top() = Surface In BoundingBox{-w, -e, height - e, w, length + e, height + e};
flanks() = Surface In BoundingBox{-w, -e, -e, -w + 2 * e, length + e, height + e};
flanks() += Surface In BoundingBox{w - 2 * e, -e, -e, w, length + e, height + e};
y_min() = Surface In BoundingBox{-p, -e, -depth - e, p, e, height + e};
y_max() = Surface In BoundingBox{-p, length - e, -depth - e, p, length + e, height + e};

Physical Volume("substrate") = Volume In BoundingBox{-p, -e, -depth - e, p, length + e, e};
Physical Volume("fin") = Volume In BoundingBox{-w, -e, -e, w, length + e, height + e};
Physical Surface("bottom") = bottom();
Physical Surface("x_min") = x_min();
Physical Surface("x_max") = x_max();
Physical Surface("surface") = surface();
Physical Surface("flanks") = flanks();
Physical Surface("top") = top();
Physical Surface("y_min") = y_min();
Physical Surface("y_max") = y_max();
Physical Surface("fin-substrate") = interface();

Field[1] = MathEval;
Field[1].F = Sprintf("min(%g, %g + 0.2 * abs(min(z, 0)))", size, size_in_fin);
Background Field = 1;
Mesh.MeshSizeExtendFromBoundary = 0;
Mesh.MeshSizeFromPoints = 0;
Mesh.ScalingFactor = 1e-9;
