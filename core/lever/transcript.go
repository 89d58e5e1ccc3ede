package lever

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"path"
	"strings"
	"time"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// Use is what agents did in a window, read from their transcripts: Claude Code's
// JSONL, one record a line. Content is looked at for names only, and not kept.
type Use struct {
	Since, Until time.Time // lines outside are left out; zero is no bound
	Sessions     map[string]*Session
	Tools        map[string]*Called // by name as agents say it: mcp__SERVER__TOOL
	Skills       map[string]*Called
	Lines        Lines
	answered     map[string]bool // ids of answers that were counted
}

// Called says how often something was called, and when last.
type Called struct {
	Calls int       `json:"calls"`
	Last  time.Time `json:"last,omitzero"`
}

// Session is one conversation: an agent sends its tools and skills with every
// request of it.
type Session struct {
	Requests int
	First    time.Time
	Usage    map[string]message.Usage // by model
	byModel  map[string]int
}

// Lines counts what was read, so that nothing is skipped in silence.
type Lines struct {
	Read     int            `json:"read"`
	Outside  int            `json:"outside_window"`
	Undated  int            `json:"undated"`           // they cannot be placed in the window, and are left out
	Unknown  map[string]int `json:"unknown,omitempty"` // records of a type that this reader does not know, by type
	Broken   int            `json:"broken"`            // lines that are no JSON object
	TooLong  int            `json:"too_long"`
	Repeated int            `json:"repeated"` // further lines of one answer
}

// maxLine bounds a line of a transcript: tool results with images in them reach
// some megabytes.
const maxLine = 32 << 20

// knownTypes are the records of Claude Code that carry no call: reading them and
// finding nothing is right.
var knownTypes = map[string]bool{
	"user": true, "system": true, "summary": true, "progress": true, "attachment": true, "file-history-snapshot": true,
	"queue-operation": true, "pr-link": true, "permission-mode": true, "last-prompt": true, "custom-title": true, "ai-title": true,
	"agent-name": true, "result": true, "bridge_status": true,
}

// NewUse begins with nothing, over a window.
func NewUse(since, until time.Time) *Use {
	return &Use{
		Since: since, Until: until, Sessions: map[string]*Session{}, Tools: map[string]*Called{}, Skills: map[string]*Called{},
		Lines: Lines{Unknown: map[string]int{}}, answered: map[string]bool{},
	}
}

// record is one line, as far as it is looked at.
type record struct {
	Type      string    `json:"type"`
	SessionID string    `json:"sessionId"`
	Session   string    `json:"session_id"` // the printed stream's spelling
	Timestamp time.Time `json:"timestamp"`
	Message   struct {
		ID      string          `json:"id"`
		Model   string          `json:"model"`
		Content json.RawMessage `json:"content"`
		Usage   *struct {
			Input  int64 `json:"input_tokens"`
			Write  int64 `json:"cache_creation_input_tokens"`
			Read   int64 `json:"cache_read_input_tokens"`
			Output int64 `json:"output_tokens"`
		} `json:"usage"`
	} `json:"message"`
}

// Read adds one transcript. Lines that say nothing to this reader are counted by
// what they are; the error is that of reading.
func (u *Use) Read(r io.Reader, name string) error {
	b := bufio.NewReaderSize(r, 64<<10)
	for {
		line, long, err := readLine(b)
		switch {
		case long:
			u.Lines.Read++
			u.Lines.TooLong++
		case len(strings.TrimSpace(string(line))) > 0:
			u.Lines.Read++
			u.line(line, name)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return fmt.Errorf("reading transcript %s: %w", name, err)
		}
	}
}

// readLine reads one line of at most maxLine bytes; of a longer one it tells only
// that.
func readLine(b *bufio.Reader) (line []byte, long bool, err error) {
	for {
		part, err := b.ReadSlice('\n')
		if !long {
			line = append(line, part...)
			long = len(line) > maxLine
		}
		if long {
			line = nil
		}
		if !errors.Is(err, bufio.ErrBufferFull) {
			return line, long, err
		}
	}
}

func (u *Use) line(raw []byte, name string) {
	var r record
	if err := json.Unmarshal(raw, &r); err != nil || len(raw) == 0 || strings.TrimSpace(string(raw))[0] != '{' {
		u.Lines.Broken++
		return
	}
	if r.Type != "assistant" {
		if !knownTypes[r.Type] {
			u.Lines.Unknown[r.Type]++
		}
		return
	}
	switch {
	case r.Timestamp.IsZero():
		u.Lines.Undated++
		return
	case !u.Since.IsZero() && r.Timestamp.Before(u.Since), !u.Until.IsZero() && r.Timestamp.After(u.Until):
		u.Lines.Outside++
		return
	}
	id := r.SessionID
	if id == "" {
		id = r.Session
	}
	if id == "" {
		id = name
	}
	u.answer(id, r)
	u.calls(r)
}

// answer counts a request of a session once: an answer is written as several
// lines, one for each part, and each carries the same usage.
func (u *Use) answer(id string, r record) {
	s := u.Sessions[id]
	if s == nil {
		s = &Session{First: r.Timestamp, Usage: map[string]message.Usage{}, byModel: map[string]int{}}
		u.Sessions[id] = s
	}
	if r.Timestamp.Before(s.First) {
		s.First = r.Timestamp
	}
	if r.Message.ID != "" {
		key := id + "\x00" + r.Message.ID
		if u.answered[key] {
			u.Lines.Repeated++
			return
		}
		u.answered[key] = true
	}
	s.Requests++
	s.byModel[r.Message.Model]++
	if v := r.Message.Usage; v != nil {
		s.Usage[r.Message.Model] = s.Usage[r.Message.Model].Add(message.Usage{Input: v.Input, CachedInput: v.Read, CacheWrite: v.Write, Output: v.Output})
	}
}

// part is a piece of an answer, as far as it names what is called.
type part struct {
	Type  string          `json:"type"`
	Name  string          `json:"name"`
	Input json.RawMessage `json:"input"`
}

// calls counts the tools and skills that an answer calls.
func (u *Use) calls(r record) {
	var parts []part
	if json.Unmarshal(r.Message.Content, &parts) != nil {
		return // text alone: no call
	}
	for _, p := range parts {
		if p.Type != "tool_use" {
			continue
		}
		note(u.Tools, p.Name, r.Timestamp)
		if name := skillOf(p); name != "" {
			note(u.Skills, name, r.Timestamp)
		}
	}
}

// skillOf is the skill that a call opens, "" where it opens none.
func skillOf(p part) string {
	var in struct {
		Skill   string `json:"skill"`
		Command string `json:"command"`
		Path    string `json:"file_path"`
	}
	if json.Unmarshal(p.Input, &in) != nil {
		return ""
	}
	switch p.Name {
	case "Skill", "SlashCommand":
		name := in.Skill
		if name == "" {
			name, _, _ = strings.Cut(strings.TrimPrefix(in.Command, "/"), " ")
		}
		return name[strings.LastIndexByte(name, ':')+1:] // PLUGIN:SKILL
	case "Read":
		// Agents without a tool for skills read the file.
		if dir, file := path.Split(strings.ReplaceAll(in.Path, `\`, "/")); file == "SKILL.md" && dir != "" {
			return path.Base(dir)
		}
	}
	return ""
}

func note(in map[string]*Called, name string, at time.Time) {
	c := in[name]
	if c == nil {
		c = &Called{}
		in[name] = c
	}
	c.Calls++
	if at.After(c.Last) {
		c.Last = at
	}
}
