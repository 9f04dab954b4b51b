"""How what should run is made to run on a container engine."""
