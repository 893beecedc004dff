"""pbte: phonon Boltzmann transport resolved in position, mode and scattering order."""

__version__ = "0.1.0"
