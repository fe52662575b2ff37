"""The learners, one file per family."""

import os

# OpenMP's threads wait for each other by spinning. On a processor that they share with anything else, that
# makes LightGBM up to seventy times slower (measured on two cores); sleeping costs next to nothing. It has to be
# said before the library is loaded.
os.environ.setdefault("OMP_WAIT_POLICY", "passive")
