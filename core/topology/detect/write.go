package detect

import (
	"fmt"
	"path/filepath"
	"strconv"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology/hardware"
	"github.com/plimsoll-dev/plimsoll/hcl/splice"
)

// Block is how the blocks are written.
type Block struct {
	Folder string // of the project: paths below it are written from there; "": all as they are
}

// kind is the GPUs of one name.
type kind struct {
	gpu GPU
	at  []int
}

func (m Machine) kinds() []kind {
	var out []kind
	for i, g := range m.GPUs {
		if g.Sliced {
			continue
		}
		found := false
		for k := range out {
			if out[k].gpu.Name == g.Name && out[k].gpu.Memory == g.Memory {
				out[k].at, found = append(out[k].at, i), true
			}
		}
		if !found {
			out = append(out, kind{g, []int{i}})
		}
	}
	return out
}

// Whole says whether the blocks can be used as they are: there are GPUs, and the
// figures of all are known.
func (m Machine) Whole() bool {
	all := m.kinds()
	for _, k := range all {
		if k.gpu.Known == "" {
			return false
		}
	}
	return len(all) > 0
}

// HCL is the blocks. What has to be filled in first stands in comments, so that the
// file loads and a figure that nobody gave is in nobody's way.
func (m Machine) HCL(b Block) string {
	var out strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&out, format+"\n", args...) }
	for _, l := range m.about() {
		say("# %s", l)
	}
	all := m.kinds()
	if len(all) == 0 {
		say("")
		say("# No GPU was found here. Fill this in and take the # away:")
		say(`# hardware "h100x8" {`)
		say(`#   gpu      = "H100"               # %s; others: a gpu block`, strings.Join(hardware.Names(), ", "))
		say("#   count    = 8")
		say("#   per_node = 8")
		say("# }")
	}
	taken := map[string]bool{}
	for _, k := range all {
		name := fmt.Sprintf("%sx%d", slug(strings.TrimPrefix(k.gpu.Name, "NVIDIA ")), len(k.at))
		if k.gpu.Known != "" {
			name = fmt.Sprintf("%sx%d", slug(k.gpu.Known), len(k.at))
		}
		for taken[name] {
			name += "b"
		}
		taken[name] = true
		say("")
		out.WriteString(m.hardware(name, k))
	}
	for _, x := range m.Models {
		say("")
		out.WriteString(x.block(b))
	}
	return out.String()
}

// about is what else was found, for whoever reads the file.
func (m Machine) about() []string {
	var parts []string
	add := func(what, v string) {
		if v != "" {
			parts = append(parts, what+" "+plainText(v))
		}
	}
	add("driver", m.Driver)
	add("nvcc", m.NVCC)
	add("vLLM", m.Engine)
	add("docker", m.Docker)
	add("podman", m.Podman)
	out := []string{"Written by `plimsoll topology detect`. Yours to edit: nothing writes it again."}
	if len(parts) > 0 {
		out = append(out, "This machine: "+strings.Join(parts, ", ")+".")
	}
	return out
}

// plainText keeps a comment on its line.
func plainText(s string) string { return strings.Join(strings.Fields(s), " ") }

func (m Machine) hardware(name string, k kind) string {
	var out strings.Builder
	g, f := k.gpu, m.joined(k.at)
	mark := ""
	if g.Known == "" {
		mark = "# "
		label := slug(strings.TrimPrefix(g.Name, "NVIDIA "))
		fmt.Fprintf(&out, "# The figures of %q are not known here. Fill them in from its data sheet, dense\n# rates and not sparse ones, and take the # away from both blocks:\n", plainText(g.Name))
		fmt.Fprintf(&out, "# gpu %s {\n", splice.Quote(label))
		if g.Memory > 0 {
			fmt.Fprintf(&out, "#   memory_gib           = %s\n", trim(g.Memory/1024))
		} else {
			out.WriteString("#   memory_gib           = 0      # nvidia-smi does not say\n")
		}
		out.WriteString("#   bandwidth_tb_per_s   = 0      # of its memory\n#   bf16_pflops          = 0\n#   fp8_pflops           = 0      # leave out what it does not have\n")
		if f.rate > 0 {
			fmt.Fprintf(&out, "#   link_gb_per_s        = %s\n", trim(f.rate))
		}
		out.WriteString("# }\n")
		g.Known = label
	}
	say := func(format string, args ...any) { fmt.Fprintf(&out, mark+format+"\n", args...) }
	say("hardware %s {", splice.Quote(name))
	say("  gpu      = %s", splice.Quote(g.Known))
	say("  count    = %d", len(k.at))
	say("  per_node = %d", len(k.at))
	if f.kind != "" {
		if f.words != "" {
			say("  # %s", f.words)
		}
		say("  fabric {")
		say("    kind     = %s", splice.Quote(f.kind))
		if f.rate > 0 {
			say("    gb_per_s = %s", trim(f.rate))
		}
		say("  }")
	}
	say("}")
	return out.String()
}

// trim writes a figure with at most one digit after the point.
func trim(v float64) string {
	return strings.TrimSuffix(strconv.FormatFloat(v, 'f', 1, 64), ".0")
}

func (x Model) block(b Block) string {
	var out strings.Builder
	active := ""
	if x.Active < x.Parameters*3/4 {
		active = fmt.Sprintf(", %s of them for each token", billions(x.Active))
	}
	fmt.Fprintf(&out, "# %s: %s parameters%s; %.1f GiB of weights, published in %s\n", plainText(x.Architecture), billions(x.Parameters), active, x.Bytes/(1<<30), x.Weights)
	fmt.Fprintf(&out, "model %s {\n  config = %s\n", splice.Quote(x.Name), splice.Quote(b.path(x.Config)))
	if x.Source != "" {
		fmt.Fprintf(&out, "  source = %s\n", splice.Quote(filepath.ToSlash(x.Source)))
	}
	if x.KV != "" {
		fmt.Fprintf(&out, "  kv     = %s\n", splice.Quote(x.KV))
	}
	out.WriteString("}\n")
	return out.String()
}

func billions(n int64) string {
	if n < 1e9 {
		return fmt.Sprintf("%.0f M", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f B", float64(n)/1e9)
}

// path is p as a project in b.Folder says it.
func (b Block) path(p string) string {
	if b.Folder == "" {
		return filepath.ToSlash(p)
	}
	abs, err := filepath.Abs(p)
	folder, err2 := filepath.Abs(b.Folder)
	if err != nil || err2 != nil {
		return filepath.ToSlash(p)
	}
	if real, err := filepath.EvalSymlinks(folder); err == nil {
		folder = real
	}
	rel, err := filepath.Rel(folder, abs)
	if err != nil || rel == ".." || strings.HasPrefix(rel, ".."+string(filepath.Separator)) {
		return filepath.ToSlash(abs)
	}
	return filepath.ToSlash(rel)
}
