# Written by `plimsoll topology detect`. Yours to edit: nothing writes it again.
# This machine: driver 550.90.12.

# The figures of "NVIDIA H100 PCIe" are not known here. Fill them in from its data sheet, dense
# rates and not sparse ones, and take the # away from both blocks:
# gpu "h100-pcie" {
#   memory_gib           = 79.6
#   bandwidth_tb_per_s   = 0      # of its memory
#   bf16_pflops          = 0
#   fp8_pflops           = 0      # leave out what it does not have
# }
# hardware "h100-pciex2" {
#   gpu      = "h100-pcie"
#   count    = 2
#   per_node = 2
#   fabric {
#     kind     = "nvlink"
#   }
# }

hardware "a30x1" {
  gpu      = "A30"
  count    = 1
  per_node = 1
}

# gap gpu NVIDIA H100 PCIe: The figures of "NVIDIA H100 PCIe" are not known here. Fill in the gpu block from its data sheet. Known are B200, B300, GB200, GB300, H200, H100, A100, L40S, RTX 6000, RTX PRO 6000, A30.
# gap gpus: There are GPUs of 2 kinds, and a hardware block has one: each kind has a block of its own. Decide for each kind apart.
# gap nvcc: There is no CUDA compiler: kernels that are compiled at the first request would fail. Make plans with --here: they then switch such kernels off.
# gap engine: vLLM is there and does not say its version: vllm failed: exit status 1: ImportError: libcudart. Run `vllm --version` yourself; write the version into the topology blocks.
