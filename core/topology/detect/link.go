package detect

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

var escapes = regexp.MustCompile("\x1b\\[[0-9;]*[A-Za-z]")

var gpuColumn = regexp.MustCompile(`^GPU[0-9]{1,4}$`)

// words of nvidia-smi's legend, beside NV#: what a path between two GPUs crosses.
var words = []string{"X", "PIX", "PXB", "PHB", "NODE", "SYS", "SOC"}

// ParseLinks reads what `nvidia-smi topo -m` prints for n GPUs, and gives its cells:
// NV18 is 18 NVLinks, PIX to SYS are ways over PCIe, X is the GPU itself. Network
// cards, affinities and the legend are passed over.
func ParseLinks(text string, n int) ([][]string, error) {
	var columns []string
	rows := map[string][]string{}
	for line := range strings.Lines(escapes.ReplaceAllString(text, "")) {
		cells := strings.Fields(line)
		if len(cells) == 0 || !gpuColumn.MatchString(cells[0]) {
			continue
		}
		if columns == nil {
			for _, c := range cells {
				if !gpuColumn.MatchString(c) {
					break
				}
				columns = append(columns, c)
			}
			continue
		}
		if len(cells) <= len(columns) {
			return nil, fmt.Errorf("the row of %s has %d cells, and there are %d GPUs", cells[0], len(cells)-1, len(columns))
		}
		rows[cells[0]] = cells[1 : len(columns)+1]
	}
	if columns == nil {
		return nil, errors.New("nvidia-smi topo -m printed no matrix")
	}
	if len(columns) != n {
		return nil, fmt.Errorf("nvidia-smi topo -m has %d GPUs, and the list has %d", len(columns), n)
	}
	var out [][]string
	for _, c := range columns {
		row, ok := rows[c]
		if !ok {
			return nil, fmt.Errorf("nvidia-smi topo -m has no row of %s", c)
		}
		for _, cell := range row {
			if links(cell) == 0 && !slices.Contains(words, cell) {
				return nil, fmt.Errorf("%q is none of nvidia-smi's words for a path", clip(cell))
			}
		}
		out = append(out, row)
	}
	return out, nil
}

// links is how many NVLinks a cell names.
func links(cell string) int {
	n, err := strconv.Atoi(strings.TrimPrefix(cell, "NV"))
	if err != nil || !strings.HasPrefix(cell, "NV") || n < 1 || n > 64 {
		return 0
	}
	return n
}

// fabric is what joins the GPUs of these indexes into any group: the weakest path
// between two of them.
type fabric struct {
	kind  string // nvlink, pcie; "": not known
	rate  float64
	words string // what to know
}

// perLink is the rate of one NVLink in GB/s and direction, by compute capability:
// NVLink 2, 3 and 4 have 25, NVLink 5 has 50; bridges of RTX and A40 cards 14.
func perLink(capability string) float64 {
	major, _, _ := strings.Cut(capability, ".")
	switch {
	case capability == "8.6":
		return 14
	case major == "7" || major == "8" || major == "9":
		return 25
	case major == "10":
		return 50
	}
	return 0
}

// joined is the fabric between the GPUs with the indexes at.
func (m Machine) joined(at []int) fabric {
	if len(at) < 2 || len(m.Between) == 0 {
		return fabric{}
	}
	g := m.GPUs[at[0]]
	least, most := 65, 0
	for _, i := range at {
		for _, j := range at {
			if i != j {
				n := links(m.Between[i][j])
				least, most = min(least, n), max(most, n)
			}
		}
	}
	if least > 0 {
		return fabric{kind: "nvlink", rate: float64(least) * perLink(g.Capability)}
	}
	f := fabric{kind: "pcie"}
	if g.Generation >= 3 && g.Generation <= 7 && g.Lanes > 0 {
		f.rate = float64(g.Lanes) * float64(int(1)<<(g.Generation-3)) // about 1 GB/s a lane in generation 3, twice that in each after
	}
	if most > 0 {
		f.words = "some pairs are joined by NVLink, which is faster: keep a tensor parallel group inside such a pair"
	}
	return f
}
