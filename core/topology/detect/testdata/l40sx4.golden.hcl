# Written by `plimsoll topology detect`. Yours to edit: nothing writes it again.
# This machine: driver 550.90.12.

hardware "l40sx4" {
  gpu      = "L40S"
  count    = 4
  per_node = 4
  fabric {
    kind     = "pcie"
    gb_per_s = 32
  }
}

# gap memory of NVIDIA L40S: nvidia-smi says 45.0 GiB, and the data sheet 48.0: error correction takes a part. A plan that fills the memory to the last percent may not fit.
# gap nvcc: There is no CUDA compiler: kernels that are compiled at the first request would fail. Make plans with --here: they then switch such kernels off.
# gap engine: vLLM is not on the path, nor in python3's packages. Activate its environment and run this again, or run it from an image (runtime = "podman").
