"""What the project measures: `make bench` prints every figure beside the bar that it should reach."""
