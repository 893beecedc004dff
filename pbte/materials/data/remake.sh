#!/bin/sh
# Make the shipped material files again, in the current folder (1 minute, one core, phono3py 4.8):
#     remake.sh FOLDER_OF_SILICON FOLDER_OF_GERMANIUM
# The folders hold the force constants described in ATTRIBUTION.md: phono3py_disp_dimfc2.yaml and
# phono3py_ge.yaml, each with its fc2.hdf5 and fc3.hdf5.
set -eu
silicon=$1/phono3py_disp_dimfc2.yaml
germanium=$2/phono3py_ge.yaml

make() { # name, mesh, sigma in THz, input, source, attribution
    pbte material from-phono3py "$4" --name "$1" --mesh "$2" --sigma "$3" --temperature 300 \
        --source "$5" --attribution "$6" --output "$1-$2.h5"
}

for grid in "9 0.2" "5 0.4"; do
    # shellcheck disable=SC2086 # two words on purpose
    make Si $grid "$silicon" \
        "force constants: phono3py, example Si-PBEsol (VASP, PBEsol)" \
        "BSD-3-Clause, Copyright (c) 2015-2024 Phonopy; see ATTRIBUTION.md"
done
for grid in "9 0.12" "5 0.24"; do
    # shellcheck disable=SC2086
    make Ge $grid "$germanium" \
        "force constants: second order kALDo, ge-crystal (LDA); third order almaBTE, Ge (LDA)" \
        "BSD-3-Clause, Copyright (c) 2022 nanotheorygroup, and Apache-2.0, The ALMA Project Developers; see ATTRIBUTION.md"
done
