"""Render the nanoparticle in ParaView: temperature inside, arriving power on the surface.

Run after the demo, in an environment with ParaView:

    docker/run pbte run demos/nanoparticle.toml
    docker/run --with paraview xvfb-run -a pvbatch --force-offscreen-rendering \
        demos/nanoparticle_picture.py results/nanoparticle demos/nanoparticle.png

The same steps by hand: open steady.pvd and steady_outgoing_current.pvd, clip the first with a plane
and the second with a shifted one.
"""

import sys

from paraview import simple

folder, picture = sys.argv[1:]
view = simple.CreateView("RenderView")
view.ViewSize = [1500, 700]
view.Background = [1.0, 1.0, 1.0]
view.UseColorPaletteForBackground = 0
view.OrientationAxesVisibility = 0
view.CameraParallelProjection = 1


def coloured(source, association, array, preset, title, bar_at):
    """Show a source coloured by an array, with its colour bar."""
    shown = simple.Show(source, view)
    shown.Representation = "Surface"
    shown.Ambient, shown.Diffuse, shown.Specular = 0.6, 0.4, 0.0
    simple.ColorBy(shown, (association, array))
    shown.RescaleTransferFunctionToDataRange(False, True)
    table = simple.GetColorTransferFunction(array)
    table.ApplyPreset(preset, True)
    bar = simple.GetScalarBar(table, view)
    bar.Title, bar.ComponentTitle = title, ""
    bar.TitleColor = bar.LabelColor = [0.1, 0.1, 0.1]
    bar.TitleFontSize, bar.LabelFontSize = 20, 18
    bar.WindowLocation, bar.Position, bar.ScalarBarLength = "Any Location", bar_at, 0.5
    bar.AutomaticLabelFormat, bar.LabelFormat, bar.RangeLabelFormat = 0, "%.3g", "%.3g"
    shown.SetScalarBarVisibility(view, True)
    return shown


# Left: the body cut in half, temperature on the cut; heat flows along the lines.
body = simple.PVDReader(FileName=f"{folder}/paraview/steady.pvd")
half = simple.Clip(Input=body, ClipType="Plane")
half.ClipType.Origin, half.ClipType.Normal = [0.0, 0.0, 0.0], [0.0, -1.0, 0.0]
half.Invert = 1
left = simple.Transform(Input=half)
left.Transform.Translate = [-107.0, 0.0, 0.0]
coloured(left, "POINTS", "temperature", "Inferno (matplotlib)", "T - T0 (K)", [0.02, 0.25])

# Right: the power that arrives on the surface.
surface = simple.PVDReader(FileName=f"{folder}/paraview/steady_outgoing_current.pvd")
right = simple.Transform(Input=surface)
right.Transform.Translate = [107.0, 0.0, 0.0]
coloured(
    right, "CELLS", "outgoing_current", "Viridis (matplotlib)", "Arriving (W/m^2)", [0.895, 0.25]
)

simple.Render(view)  # the first rendering resets the camera
view.CameraPosition, view.CameraFocalPoint = [0.0, -1000.0, 0.0], [0.0, 0.0, 0.0]
view.CameraViewUp = [0.0, 0.0, 1.0]
view.CameraParallelScale = 128.0
simple.SaveScreenshot(picture, view, ImageResolution=[1500, 700])
