# Written by `plimsoll topology detect`. Yours to edit: nothing writes it again.

# No GPU was found here. Fill this in and take the # away:
# hardware "h100x8" {
#   gpu      = "H100"               # B200, B300, GB200, GB300, H200, H100, A100, L40S, RTX 6000, RTX PRO 6000, A30; others: a gpu block
#   count    = 8
#   per_node = 8
# }

# gap gpus: nvidia-smi is not on this machine, so that no GPU is known of. Run this on the machine with the GPUs, or write the hardware block by hand.
# gap nvcc: There is no CUDA compiler: kernels that are compiled at the first request would fail. Make plans with --here: they then switch such kernels off.
# gap engine: vLLM is not on the path, nor in python3's packages. Activate its environment and run this again, or run it from an image (runtime = "podman").
