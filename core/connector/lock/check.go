package lock

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"unicode"
	"unicode/utf8"

	"github.com/plimsoll-dev/plimsoll/core/access"
	"github.com/plimsoll-dev/plimsoll/hcl/lockfile"
	"github.com/plimsoll-dev/plimsoll/sdk/canonjson"
)

// Limits of what may be pinned.
const (
	MaxTools      = 10_000
	MaxDefinition = 256 << 10 // bytes of one definition, as received
	MaxName       = 128       // code points of a tool's name
)

// Digest is the SHA-256 of a definition's canonical JSON, "sha256:...". A definition
// that readers of JSON could understand in two ways has none: a member twice, bytes
// that are no UTF-8, an integer beyond 53 bits.
func Digest(raw json.RawMessage) (string, error) {
	_, digest, err := canonical(raw)
	return digest, err
}

func canonical(raw json.RawMessage) (json.RawMessage, string, error) {
	if len(raw) > MaxDefinition {
		return nil, "", fmt.Errorf("the definition has %d bytes; the limit is %d", len(raw), MaxDefinition)
	}
	c, err := canonjson.Transform(raw)
	if err != nil {
		return nil, "", err
	}
	sum := sha256.Sum256(c)
	return c, "sha256:" + hex.EncodeToString(sum[:]), nil
}

// SetDigest is the digest of a set of tools: of the canonical JSON object that gives
// each name its digest.
func SetDigest(digests map[string]string) (string, error) { return canonjson.Digest(digests) }

// Check holds the definitions that a server offers, raw as they came and after the
// connector's own choice of tools, against the lock file. A nil lock is an empty one.
func Check(connector string, locked *lockfile.File, catalogue []json.RawMessage) Report {
	r := Report{Connector: connector}
	pins, fault := pinned(connector, locked)
	if locked != nil {
		if c, ok := locked.Connector(connector); ok {
			r.Locked = c.Digest
		}
	}
	tools, digests, broken := read(catalogue)
	if !broken {
		r.Set, _ = SetDigest(digests) // names were checked: they are UTF-8
	}
	for _, t := range tools {
		t.Locked = pins[t.Name]
		switch {
		case t.Status == Broken:
		case t.Locked == "":
			t.Status = New
		case t.Locked != t.Digest:
			t.Status = Changed
		default:
			t.Status, t.Annotations = Pinned, annotations(t.Definition)
		}
		r.Tools = append(r.Tools, t)
	}
	for name, digest := range pins {
		if !slices.ContainsFunc(tools, func(t Tool) bool { return t.Name == name }) {
			r.Tools = append(r.Tools, Tool{Name: name, Status: Gone, Locked: digest})
		}
	}
	slices.SortStableFunc(r.Tools, func(a, b Tool) int {
		if (a.Name == "") != (b.Name == "") {
			return cmp.Compare(len(b.Name), len(a.Name))
		}
		return cmp.Compare(a.Name, b.Name)
	})
	r.judge(fault, len(pins) > 0)
	if r.State != OK {
		for i := range r.Tools {
			r.Tools[i].Annotations = access.Annotations{}
		}
	}
	return r
}

// judge sets the state of the server.
func (r *Report) judge(fault string, known bool) {
	count := map[Status]int{}
	for _, t := range r.Tools {
		count[t.Status]++
	}
	see := fmt.Sprintf(" See: plimsoll connector diff %s", r.Connector)
	switch {
	case fault != "":
		r.State, r.Reason = Quarantined, fault
	case count[Broken] > 0:
		r.State = Quarantined
		r.Reason = fmt.Sprintf("%s offers %d definitions that cannot be read in one way only, so none of its tools is offered.%s", r.Connector, count[Broken], see)
	case !known && r.Locked == "" && len(r.Tools) > 0:
		r.State = Unapproved
		r.Reason = fmt.Sprintf("Nobody has approved the tools of %s yet, so none of them can be called. Look at them with: plimsoll connector diff %s, and approve them with: plimsoll connector approve %s", r.Connector, r.Connector, r.Connector)
	case r.Set != r.Locked && len(r.Tools) > 0:
		r.State = Quarantined
		r.Reason = fmt.Sprintf("%s does not offer what was approved (%d new, %d changed, %d gone), so none of its tools is offered.%s", r.Connector, count[New], count[Changed], count[Gone], see)
	default:
		r.State = OK
	}
}

// pinned are the digests of a connector in the lock file by tool. fault says why they
// cannot be believed.
func pinned(connector string, locked *lockfile.File) (pins map[string]string, fault string) {
	pins = map[string]string{}
	if locked == nil {
		return pins, ""
	}
	approve := fmt.Sprintf(" Restore plimsoll.lock.hcl from version control, or look at the tools and run: plimsoll connector approve %s", connector)
	for _, t := range locked.Tools {
		if t.Connector != connector {
			continue
		}
		if _, twice := pins[t.Name]; twice {
			return pins, fmt.Sprintf("The lock file has two digests for a tool of %s.%s", connector, approve)
		}
		pins[t.Name] = t.Digest
	}
	c, ok := locked.Connector(connector)
	if !ok {
		if len(pins) > 0 {
			return pins, fmt.Sprintf("The lock file has tools of %s, and no digest of the set of them.%s", connector, approve)
		}
		return pins, ""
	}
	if set, err := SetDigest(pins); err != nil || set != c.Digest {
		return pins, fmt.Sprintf("The lock file contradicts itself: its tools of %s are not the set that was approved.%s", connector, approve)
	}
	return pins, ""
}

// read reads a catalogue. What is broken in it keeps its place in the list.
func read(catalogue []json.RawMessage) (tools []Tool, digests map[string]string, broken bool) {
	digests = map[string]string{}
	first := map[string]int{}
	for i, raw := range catalogue {
		t := readTool(raw)
		if i >= MaxTools {
			t = Tool{Name: t.Name, Status: Broken, Problem: fmt.Sprintf("the server offers more than %d tools", MaxTools)}
		}
		if j, twice := first[t.Name]; twice && t.Name != "" {
			const twiceOffered = "the name is offered twice, and nobody knows which one a call would reach"
			tools[j] = Tool{Name: t.Name, Status: Broken, Problem: twiceOffered}
			t = tools[j]
		}
		if t.Name != "" {
			first[t.Name] = i
		}
		digests[t.Name] = t.Digest
		broken = broken || t.Status == Broken
		tools = append(tools, t)
		if i >= MaxTools {
			break
		}
	}
	return tools, digests, broken
}

func readTool(raw json.RawMessage) Tool {
	definition, digest, err := canonical(raw)
	if err != nil {
		return Tool{Status: Broken, Problem: problem(err)}
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal(definition, &members); err != nil || members == nil {
		return Tool{Status: Broken, Problem: "the definition is not a JSON object"}
	}
	var name string
	if err := json.Unmarshal(members["name"], &name); err != nil {
		return Tool{Status: Broken, Problem: "the definition has no name"}
	}
	if err := checkName(name); err != nil {
		return Tool{Status: Broken, Problem: err.Error()}
	}
	return Tool{Name: name, Digest: digest, Definition: definition}
}

func problem(err error) string {
	return Visible(err.Error()) + "; leave the tool out with `tools` of the connector, or let its author mend it"
}

// checkName refuses names that look like others, or like nothing.
func checkName(name string) error {
	switch n := utf8.RuneCountInString(name); {
	case n == 0:
		return errors.New("the name is empty")
	case n > MaxName:
		return fmt.Errorf("the name has %d characters; the limit is %d", n, MaxName)
	}
	for _, r := range name {
		if hidden(r) || unicode.IsSpace(r) {
			return fmt.Errorf("the name %s has a character that cannot be seen", Visible(name))
		}
	}
	return nil
}

// annotations reads the hints of a definition. Only true and false count, under the
// protocol's exact names; anything else is not said.
func annotations(definition json.RawMessage) access.Annotations {
	var members, hints map[string]json.RawMessage
	if json.Unmarshal(definition, &members) != nil {
		return access.Annotations{}
	}
	if json.Unmarshal(members["annotations"], &hints) != nil {
		hints = nil
	}
	flag := func(name string) *bool {
		switch string(hints[name]) {
		case "true":
			yes := true
			return &yes
		case "false":
			no := false
			return &no
		}
		return nil
	}
	a := access.Annotations{ReadOnly: flag("readOnlyHint"), Destructive: flag("destructiveHint"), Idempotent: flag("idempotentHint"), OpenWorld: flag("openWorldHint")}
	for _, title := range []json.RawMessage{hints["title"], members["title"]} {
		if a.Title == "" && json.Unmarshal(title, &a.Title) != nil {
			a.Title = ""
		}
	}
	return a
}
