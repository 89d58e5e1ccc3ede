package detect

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
)

// GPU is one of nvidia-smi's.
type GPU struct {
	Index      int     `json:"index"`
	Name       string  `json:"name"`       // as nvidia-smi says it
	Memory     float64 `json:"memory_mib"` // 0: it did not say
	Driver     string  `json:"driver,omitempty"`
	Capability string  `json:"compute_capability,omitempty"` // as 10.0
	Generation int     `json:"pcie_generation,omitempty"`    // of PCIe, at most, on this machine
	Lanes      int     `json:"pcie_lanes,omitempty"`
	Sliced     bool    `json:"mig,omitempty"`   // MIG is on: it is several smaller ones
	Known      string  `json:"known,omitempty"` // its name in core/topology/hardware; "": its figures are to be declared
}

// Fields of the query; an old driver that does not know one gets the first four.
var fields = []string{"index", "name", "memory.total", "driver_version", "compute_cap", "pcie.link.gen.max", "pcie.link.width.max", "mig.mode.current"}

// look asks nvidia-smi.
func (m *Machine) look(ctx context.Context, r Runner) {
	var out string
	var err error
	for _, n := range []int{len(fields), 4} {
		out, err = r.Run(ctx, "nvidia-smi", "--query-gpu="+strings.Join(fields[:n], ","), "--format=csv")
		if err == nil || errors.Is(err, ErrAbsent) {
			break
		}
	}
	switch {
	case errors.Is(err, ErrAbsent):
		m.gap("gpus", "nvidia-smi is not on this machine, so that no GPU is known of.", "Run this on the machine with the GPUs, or write the hardware block by hand.")
		return
	case err != nil:
		m.gap("gpus", fmt.Sprintf("nvidia-smi is there and does not answer: %v.", err), "Look whether the driver is loaded (`nvidia-smi`), then run this again.")
		return
	}
	gpus, err := ParseGPUs(out)
	if err != nil {
		m.gap("gpus", fmt.Sprintf("What nvidia-smi printed cannot be read: %v.", err), "Write the hardware block by hand.")
		return
	}
	if len(gpus) == 0 {
		m.gap("gpus", "nvidia-smi lists no GPU.", "Run this on the machine with the GPUs, or write the hardware block by hand.")
		return
	}
	m.GPUs, m.Driver = gpus, gpus[0].Driver
	m.remark()
	if len(gpus) < 2 {
		return
	}
	out, err = r.Run(ctx, "nvidia-smi", "topo", "-m")
	if err == nil {
		m.Between, err = ParseLinks(out, len(gpus))
	}
	if err != nil {
		m.gap("links", fmt.Sprintf("How the GPUs are joined is not known: %v.", err), "Give fabric { kind and gb_per_s } in the hardware block; the usual links of the GPU are taken until then.")
	}
}

// remark says what of the GPUs is not as a hardware block has it.
func (m *Machine) remark() {
	seen := map[string]bool{}
	for _, g := range m.GPUs {
		if seen[g.Name] {
			continue
		}
		seen[g.Name] = true
		switch known, ok := hardware.Lookup(g.Known); {
		case !ok:
			m.gap("gpu "+g.Name, fmt.Sprintf("The figures of %q are not known here.", g.Name), fmt.Sprintf("Fill in the gpu block from its data sheet. Known are %s.", strings.Join(hardware.Names(), ", ")))
		case g.Memory > 0 && g.Memory*mib < .98*known.Memory:
			m.gap("memory of "+g.Name, fmt.Sprintf("nvidia-smi says %.1f GiB, and the data sheet %.1f: error correction takes a part.", g.Memory/1024, known.Memory/(1<<30)), "A plan that fills the memory to the last percent may not fit.")
		}
	}
	if len(seen) > 1 {
		m.gap("gpus", fmt.Sprintf("There are GPUs of %d kinds, and a hardware block has one: each kind has a block of its own.", len(seen)), "Decide for each kind apart.")
	}
	if slices.ContainsFunc(m.GPUs, func(g GPU) bool { return g.Sliced }) {
		m.gap("mig", "MIG is on: these GPUs are cut into smaller ones, which no hardware block describes.", "Switch it off (`nvidia-smi -mig 0`) where a model shall have whole GPUs.")
	}
}

const mib = 1 << 20

// mostGPUs is more than any machine has: beyond it a list is taken for a fault.
const mostGPUs = 1024

// ParseGPUs reads what `nvidia-smi --query-gpu=... --format=csv` prints: a header
// that names the columns, and a line a GPU. Columns that a driver does not know may
// be missing; index and name may not.
func ParseGPUs(text string) ([]GPU, error) {
	r := csv.NewReader(strings.NewReader(text))
	r.TrimLeadingSpace, r.FieldsPerRecord, r.LazyQuotes = true, -1, true
	all, err := r.ReadAll()
	if err != nil {
		return nil, fmt.Errorf("reading the list of GPUs: %w", err)
	}
	if len(all) == 0 {
		return nil, errors.New("the list of GPUs is empty")
	}
	at := map[string]int{}
	for i, h := range all[0] {
		name, _, _ := strings.Cut(strings.TrimSpace(h), " ")
		at[name] = i
	}
	for _, need := range []string{"index", "name"} {
		if _, ok := at[need]; !ok {
			return nil, fmt.Errorf("the list of GPUs has no column %q; it begins with %q", need, clip(strings.Join(all[0], ", ")))
		}
	}
	if len(all)-1 > mostGPUs {
		return nil, fmt.Errorf("the list has %d GPUs, and at most %d are believed", len(all)-1, mostGPUs)
	}
	var out []GPU
	for n, line := range all[1:] {
		get := func(name string) string {
			i, ok := at[name]
			if !ok || i >= len(line) {
				return ""
			}
			v := strings.TrimSpace(line[i])
			if strings.HasPrefix(v, "[") || v == "N/A" { // [N/A], [Not Supported], [Unknown Error]
				return ""
			}
			return v
		}
		g := GPU{Name: get("name"), Driver: get("driver_version"), Capability: get("compute_cap"), Sliced: get("mig.mode.current") == "Enabled"}
		g.Index, err = strconv.Atoi(get("index"))
		if err != nil || g.Name == "" || g.Index < 0 || g.Index >= mostGPUs {
			return nil, fmt.Errorf("line %d of the list is no GPU: %q", n+2, clip(strings.Join(line, ", ")))
		}
		if g.Memory, err = amount(get("memory.total")); err != nil {
			return nil, fmt.Errorf("line %d of the list: %w", n+2, err)
		}
		g.Generation, g.Lanes = small(get("pcie.link.gen.max")), small(get("pcie.link.width.max"))
		g.Known = known(g)
		out = append(out, g)
	}
	return out, nil
}

// amount reads "183359 MiB".
func amount(s string) (float64, error) {
	if s == "" {
		return 0, nil
	}
	n, unit, _ := strings.Cut(s, " ")
	v, err := strconv.ParseFloat(n, 64)
	if err != nil || !(v >= 0 && v < 1e9) || unit != "" && unit != "MiB" {
		return 0, fmt.Errorf("%q is no memory in MiB", clip(s))
	}
	return v, nil
}

// small reads a count of lanes or a generation; 0 when it is none.
func small(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n < 0 || n > 64 {
		return 0
	}
	return n
}

// aliases are nvidia-smi's names of GPUs of the table that Lookup does not see
// through. Other forms of a chip (PCIe, NVL, 40 GB, workstation) are other GPUs,
// with other figures, and are not taken for these.
var aliases = map[string]string{
	"NVIDIA H100 80GB HBM3": "H100",
	"NVIDIA B300 SXM6 AC":   "B300",
}

// known is the GPU's name in the table, when the name says so and the memory does
// not speak against it: error correction takes up to a sixteenth.
func known(g GPU) string {
	name := g.Name
	if a, ok := aliases[name]; ok {
		name = a
	}
	h, ok := hardware.Lookup(name)
	if !ok || g.Memory > 0 && (g.Memory*mib < .92*h.Memory || g.Memory*mib > 1.03*h.Memory) {
		return ""
	}
	return h.Name
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "..."
	}
	return s
}
