package detect

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/core/topology"
	"github.com/plimsoll-dev/plimsoll/core/topology/arch"
)

// Model is a config.json that core/topology/arch understands.
type Model struct {
	Name         string  `json:"name"`             // for its block: letters, digits, dashes
	Config       string  `json:"config"`           // path of its config.json
	Source       string  `json:"source,omitempty"` // what the engine loads: the folder, where weights are beside it, or a hub's name
	Architecture string  `json:"architecture"`
	Parameters   int64   `json:"parameters"`
	Active       int64   `json:"active_parameters"`
	Weights      string  `json:"weights"`      // format as published
	KV           string  `json:"kv,omitempty"` // format of the cache that the checkpoint is made for; "": it does not say
	Bytes        float64 `json:"weight_bytes"`
}

// Bounds of a search for models: a folder of models has some hundred files.
const (
	deepest     = 6
	mostEntries = 200_000
	mostConfig  = 4 << 20
)

// models looks through a folder for files config.json and NAME.config.json, and for
// the snapshots of a hub's cache.
func (m *Machine) models(dir string) {
	info, err := os.Stat(dir)
	if err != nil || !info.IsDir() {
		m.gap("models", fmt.Sprintf("%s is no folder that can be read.", dir), "Name the folder with --models.")
		return
	}
	root, err := filepath.EvalSymlinks(dir)
	if err != nil {
		root = dir
	}
	seen, before := 0, len(m.Models)
	err = filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			m.gap("models", fmt.Sprintf("%s cannot be read: %v.", path, err), "")
			return nil
		}
		if seen++; seen > mostEntries {
			return fs.SkipAll
		}
		rel, _ := filepath.Rel(root, path)
		if d.IsDir() {
			if strings.Count(rel, string(filepath.Separator)) >= deepest || path != root && strings.HasPrefix(d.Name(), ".") || older(path) {
				return fs.SkipDir
			}
			return nil
		}
		if d.Name() == "config.json" || strings.HasSuffix(d.Name(), ".config.json") {
			m.model(path)
		}
		return nil
	})
	switch {
	case err != nil:
		m.gap("models", fmt.Sprintf("%s cannot be looked through: %v.", dir, err), "")
	case seen > mostEntries:
		m.gap("models", fmt.Sprintf("%s has more than %d files, and what comes after was not looked at.", dir, mostEntries), "Name the folder of the models alone.")
	case len(m.Models) == before:
		m.gap("models", fmt.Sprintf("There is no config.json of a known architecture in %s.", dir), "Name the folder that the models were downloaded to.")
	}
	slices.SortStableFunc(m.Models, func(a, b Model) int { return cmp.Compare(a.Config, b.Config) })
	m.rename()
}

// older tells a snapshot of a hub's cache that is not the one its main points to.
func older(path string) bool {
	up := filepath.Dir(path)
	if filepath.Base(up) != "snapshots" {
		return false
	}
	main, err := os.ReadFile(filepath.Join(filepath.Dir(up), "refs", "main"))
	return err == nil && strings.TrimSpace(string(main)) != filepath.Base(path)
}

// model reads one file; what is no model of language is a Gap that says so.
func (m *Machine) model(path string) {
	src, err := read(path)
	if err != nil {
		m.gap("model "+path, fmt.Sprintf("It cannot be read: %v.", err), "")
		return
	}
	one, err := ParseModel(src)
	if err != nil {
		var missing *arch.Missing
		do := "Leave it out, or measure instead of predicting."
		if !errors.As(err, &missing) {
			do = ""
		}
		m.gap("model "+path, strings.TrimSuffix(err.Error(), ".")+".", do)
		return
	}
	one.Config = path
	one.Name, one.Source = called(path)
	m.Models = append(m.Models, one)
}

func read(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() || info.Size() > mostConfig {
		return nil, fmt.Errorf("it is no file of at most %d bytes", mostConfig)
	}
	return os.ReadFile(path)
}

// ParseModel reads a config.json with what it says of its formats.
func ParseModel(src []byte) (Model, error) {
	a, err := arch.Read(src)
	if err != nil {
		return Model{}, err
	}
	t := topology.Model{Arch: a}
	return Model{Architecture: a.Name, Parameters: a.Total(), Active: a.Active(), Weights: t.Published(), KV: cache(src), Bytes: a.WeightBytes(a.Width)}, nil
}

// cache is the format of the cache that a quantised checkpoint brings scales for.
func cache(src []byte) string {
	var f struct {
		Quant struct {
			Algo   string `json:"kv_cache_quant_algo"`
			Scheme *struct {
				Bits int    `json:"num_bits"`
				Type string `json:"type"`
			} `json:"kv_cache_scheme"`
		} `json:"quantization_config"`
	}
	if json.Unmarshal(src, &f) != nil { // a field of another shape: nothing is known of it
		return ""
	}
	if strings.EqualFold(f.Quant.Algo, "FP8") || f.Quant.Scheme != nil && f.Quant.Scheme.Bits == 8 && f.Quant.Scheme.Type == "float" {
		return "fp8"
	}
	return ""
}

// called is a model's name by where it lies, and what an engine loads.
func called(path string) (name, source string) {
	dir := filepath.Dir(path)
	if n, ok := strings.CutSuffix(filepath.Base(path), ".config.json"); ok && n != "" {
		return slug(n), ""
	}
	if up := filepath.Dir(dir); filepath.Base(up) == "snapshots" { // models--OWNER--NAME/snapshots/REVISION
		if _, id, ok := strings.Cut(filepath.Base(filepath.Dir(up)), "models--"); ok {
			if owner, n, ok := strings.Cut(id, "--"); ok {
				return slug(n), owner + "/" + n
			}
		}
	}
	if abs, err := filepath.Abs(dir); err == nil {
		dir = abs // an engine is started somewhere else
	}
	return slug(filepath.Base(dir)), dir
}

// slug makes a name of a block: a reference must be able to say it.
func slug(s string) string {
	var b strings.Builder
	for _, r := range strings.ToLower(s) {
		switch {
		case r >= 'a' && r <= 'z' || r >= '0' && r <= '9':
			b.WriteRune(r)
		case b.Len() > 0 && !strings.HasSuffix(b.String(), "-"):
			b.WriteByte('-')
		}
	}
	out := strings.TrimSuffix(b.String(), "-")
	if len(out) > 60 {
		out = strings.TrimSuffix(out[:60], "-")
	}
	if out == "" || out[0] < 'a' {
		out = strings.TrimSuffix("model-"+out, "-")
	}
	return out
}

// rename gives models of one name numbers, so that each block has its own.
func (m *Machine) rename() {
	taken := map[string]int{}
	for i := range m.Models {
		n := m.Models[i].Name
		taken[n]++
		for k := taken[n]; k > 1; k++ {
			try := fmt.Sprintf("%s-%d", n, k)
			if taken[try] == 0 {
				m.Models[i].Name, taken[try], taken[n] = try, 1, k
				break
			}
		}
	}
}
