"""Runs inside ParaView's pvbatch: renders a time series and probes it at points.

pvbatch paraview_script.py SERIES.pvd POINTS.json VALUES.json PICTURE.png
"""

import json
import sys

from paraview import servermanager, simple

series, points_file, values_file, picture = sys.argv[1:]
with open(points_file) as file:
    points = json.load(file)

reader = simple.PVDReader(FileName=series)
times = list(reader.TimestepValues)
answer = {"times": times, "values": []}
for time in times:
    reader.UpdatePipeline(time)
    row = []
    for point in points:
        probe = simple.ProbeLocation(Input=reader)
        probe.ProbeType = "Fixed Radius Point Source"
        probe.ProbeType.Center = point
        probe.ProbeType.Radius = 0.0
        probe.ProbeType.NumberOfPoints = 1
        probe.UpdatePipeline(time)
        data = servermanager.Fetch(probe)
        data = data.GetBlock(0) if data.IsA("vtkMultiBlockDataSet") else data
        arrays = data.GetPointData()
        found = {"inside": bool(arrays.GetArray("vtkValidPointMask").GetTuple1(0))}
        for name in ("temperature", "temperature_cumulated", "heat_flux"):
            found[name] = arrays.GetArray(name).GetTuple(0)
        row.append(found)
        simple.Delete(probe)
    answer["values"].append(row)
reader.UpdatePipeline(times[0])
information = reader.GetDataInformation()
answer["bounds"] = information.GetBounds()
answer["texts"] = list(reader.FieldData.keys())

tracer = simple.StreamTracer(Input=reader, Vectors=["POINTS", "heat_flux"])
tracer.SeedType = "Line"
tracer.SeedType.Point1, tracer.SeedType.Point2 = [-20.0, 5.0, 5.0], [20.0, 5.0, 5.0]
tracer.SeedType.Resolution = 4
tracer.MaximumStreamlineLength = 400.0
tracer.UpdatePipeline()
answer["stream_bounds"] = tracer.GetDataInformation().GetBounds()

view = simple.CreateView("RenderView")
view.ViewSize = [500, 450]
clip = simple.Clip(Input=reader, ClipType="Plane")
clip.ClipType.Origin, clip.ClipType.Normal = [0.0, 0.0, 0.0], [0.0, 0.0, 1.0]
shown = simple.Show(clip, view)
simple.ColorBy(shown, ("POINTS", "temperature"))
shown.RescaleTransferFunctionToDataRange(True, False)
view.ResetCamera()
simple.SaveScreenshot(picture, view)
with open(values_file, "w") as file:
    json.dump(answer, file)
