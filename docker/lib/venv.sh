#!/usr/bin/env bash
# Inside the environment: make the virtual environment $1 from the requirements in $1.txt.
set -euo pipefail

outer=$(python3 -c 'import sys; print("\n".join(p for p in sys.path if p.endswith("-packages")))')
python3 -m venv --system-site-packages "$1"
inner=$("$1/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
printf '%s\n' "$outer" >"$inner/outer.pth" # what the outer Python sees, were it a virtual one too
"$1/bin/python" -m pip install --disable-pip-version-check --requirement "$1.txt"
