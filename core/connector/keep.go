package connector

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
)

// kept is what goes to the Keeper.
// Definitions go as base64, because JSON inside JSON would be written anew and
// lose the bytes that came.
type kept struct {
	Form      int                 `json:"form"`
	Config    string              `json:"config"` // a kept catalogue of another server is none
	Catalogue *Catalogue          `json:"catalogue"`
	Lists     [4][]keptDefinition `json:"lists"` // tools, prompts, resources, templates
}

type keptDefinition struct {
	Name string `json:"name"`
	Raw  []byte `json:"raw"`
}

func (cat *Catalogue) lists() [4]*[]Definition {
	return [4]*[]Definition{&cat.Tools, &cat.Prompts, &cat.Resources, &cat.Templates}
}

func (c *Config) mark() string {
	b, _ := json.Marshal([]any{c.Name, c.Command, c.Dir, c.URL}) // texts only
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:])
}

func (c *Connector) save(cat *Catalogue) {
	if c.host.Keep == nil {
		return
	}
	bare := *cat
	k := kept{Form: 1, Config: c.config.mark(), Catalogue: &bare}
	for i, list := range bare.lists() {
		for _, d := range *list {
			k.Lists[i] = append(k.Lists[i], keptDefinition{d.Name, d.Raw})
		}
		*list = nil
	}
	b, err := json.Marshal(k)
	if err == nil {
		err = c.host.Keep.Save(c.config.Name, b)
	}
	if err != nil {
		c.host.Log.Warn("keeping a connector's list failed: after a restart it is not known until the server runs", "connector", c.config.Name, "error", err.Error())
	}
}

// load reads the list of the last run. What cannot be read is as good as none.
func (c *Connector) load() *Catalogue {
	if c.host.Keep == nil {
		return nil
	}
	b, err := c.host.Keep.Load(c.config.Name)
	if err != nil || len(b) == 0 {
		if err != nil {
			c.host.Log.Warn("reading a connector's kept list failed", "connector", c.config.Name, "error", err.Error())
		}
		return nil
	}
	var k kept
	if err := json.Unmarshal(b, &k); err != nil || k.Form != 1 || k.Config != c.config.mark() || k.Catalogue == nil {
		return nil
	}
	cat := k.Catalogue
	for i, list := range cat.lists() {
		*list = nil
		for _, d := range k.Lists[i] {
			if !json.Valid(d.Raw) {
				return nil
			}
			*list = append(*list, Definition{Name: d.Name, Public: d.Name, Raw: d.Raw})
		}
	}
	cat.Stale, cat.Reason = true, "it is from the last run; the server has not been started yet"
	cat.index(&c.config)
	if c.revision == "" {
		c.revision = cat.Revision
	}
	return cat
}
