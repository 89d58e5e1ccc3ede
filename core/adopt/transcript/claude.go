package transcript

import (
	"encoding/json"
	"fmt"
	"path"
	"slices"
	"strings"

	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// claude reads the JSONL of Claude Code: sessions, the files of their sub-agents,
// and the stream that it prints with --output-format stream-json.
//
// An answer is written as several lines, one for each part, with one message id.
// The usage of the first ones is what the stream began with; the last one has the
// whole. A session that is resumed or forked repeats lines in another file.
type claude struct {
	turns map[string]*turn // by session and agent
}

// turn is what is open since a person last asked.
type turn struct {
	number int
	skills []string
	by     By
	input  string
	amid   bool // the input is no whole task

	// Of the conversation.
	begun    bool // a record of it was read
	answered bool
	asked    int
	own      bool // a runner's task
}

// maxTurns bounds the conversations of one file that are told apart.
const maxTurns = 4096

// claudeQuiet are records that carry no call: reading them and finding nothing is
// right.
var claudeQuiet = map[string]bool{
	"user": true, "system": true, "summary": true, "progress": true, "attachment": true, "file-history-snapshot": true,
	"queue-operation": true, "pr-link": true, "permission-mode": true, "last-prompt": true, "custom-title": true, "ai-title": true,
	"agent-name": true, "result": true, "bridge_status": true, "tag": true, "mode": true, "stream_event": true,
}

type claudeLine struct {
	Type      string          `json:"type"`
	SessionID string          `json:"sessionId"`
	Session   string          `json:"session_id"` // the printed stream's spelling
	AgentID   string          `json:"agentId"`
	Sidechain bool            `json:"isSidechain"`
	Meta      bool            `json:"isMeta"`
	Compact   bool            `json:"isCompactSummary"`
	Timestamp json.RawMessage `json:"timestamp"`
	RequestID string          `json:"requestId"`
	UUID      string          `json:"uuid"`
	Parent    string          `json:"parentUuid"`
	Folder    string          `json:"cwd"`
	Cost      json.Number     `json:"costUSD"`
	Message   struct {
		ID      string          `json:"id"`
		Model   string          `json:"model"`
		Content json.RawMessage `json:"content"`
		Usage   *claudeUsage    `json:"usage"`
	} `json:"message"`
}

// claudeUsage is what Anthropic's API says of tokens: input excludes what was
// read from the cache or written to it.
type claudeUsage struct {
	Input  int64 `json:"input_tokens"`
	Write  int64 `json:"cache_creation_input_tokens"`
	Read   int64 `json:"cache_read_input_tokens"`
	Output int64 `json:"output_tokens"`
	Kept   *struct {
		Hour int64 `json:"ephemeral_1h_input_tokens"`
	} `json:"cache_creation"`
}

func (u *claudeUsage) tokens() message.Usage {
	out := message.Usage{Input: u.Input, CachedInput: u.Read, CacheWrite: u.Write, Output: u.Output}
	if u.Kept != nil {
		out.CacheWrite1h = min(u.Kept.Hour, u.Write)
	}
	return out
}

// part is a piece of a message.
type part struct {
	Type  string          `json:"type"`
	Text  string          `json:"text"`
	Name  string          `json:"name"`
	Input json.RawMessage `json:"input"`
}

func (s *claude) settle(*file, *Call) {}

func (s *claude) record(f *file, raw []byte) {
	var l claudeLine
	if json.Unmarshal(raw, &l) != nil {
		f.odd(raw, word(object(raw), "type")+" of another form")
		return
	}
	t := s.turn(l)
	t.own = t.own || ofRunner(l.Folder)
	if l.UUID != "" {
		// What the first record answers to stands in another file.
		t.answered = t.answered || !t.begun && l.Parent != ""
		t.begun = true
	}
	switch {
	case l.Type == "user":
		s.asked(f, t, l)
		f.count(&f.r.lines.NoCall)
	case l.Type != "assistant" && claudeQuiet[l.Type], l.Message.Model == "<synthetic>":
		f.count(&f.r.lines.NoCall) // a synthetic answer is written by the agent itself
	case l.Type != "assistant":
		f.unknown(l.Type)
	case t.own:
		f.count(&f.r.lines.Own)
	default:
		s.answer(f, t, l)
	}
}

// ofRunner tells the folder that plugins/command makes for a task, and those below.
func ofRunner(folder string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(folder, func(r rune) bool { return r == '/' || r == '\\' }), func(part string) bool {
		return strings.HasPrefix(part, "plimsoll-task-")
	})
}

func (s *claude) turn(l claudeLine) *turn {
	key := l.where()
	t := s.turns[key]
	if t == nil {
		if len(s.turns) >= maxTurns {
			clear(s.turns)
		}
		t = &turn{}
		s.turns[key] = t
	}
	return t
}

func (l claudeLine) session() string {
	if l.SessionID != "" {
		return l.SessionID
	}
	return l.Session
}

func (l claudeLine) agent() string {
	if l.AgentID == "" && l.Sidechain {
		return "sidechain"
	}
	return l.AgentID
}

func (l claudeLine) where() string { return l.session() + "\x00" + l.agent() }

// asked looks at a message that is no answer: a person's, the result of a tool,
// or text that the agent put there.
func (s *claude) asked(f *file, t *turn, l claudeLine) {
	text, result := spoken(l.Message.Content)
	switch {
	case l.Compact:
		t.answered = true // a summary stands for the conversation before it
		return
	case result:
		return
	case l.Meta:
		// The text of a skill that was opened says where it lies.
		if dir, ok := strings.CutPrefix(text, "Base directory for this skill: "); ok {
			dir, _, _ = strings.Cut(dir, "\n")
			t.open(path.Base(strings.ReplaceAll(strings.TrimSpace(dir), `\`, "/")), ByTool)
		}
		return
	case strings.HasPrefix(text, "<local-command-"), strings.HasPrefix(text, "[Request interrupted"), strings.TrimSpace(text) == "":
		return
	}
	t.number, t.skills, t.by, t.input = t.number+1, nil, "", text
	t.asked++
	t.amid = t.answered || t.asked > 1
	if _, rest, ok := strings.Cut(text, "<command-name>"); ok {
		name, _, _ := strings.Cut(rest, "</command-name>")
		// A command need not be a skill: only names that are known count.
		if name = skillName(name); f.r.opts.Skills.Has(name) {
			t.open(name, ByCommand)
		} else {
			// Of the agent itself, or a text that nobody knows here.
			t.amid, t.asked = true, t.asked-1
		}
		if _, args, ok := strings.Cut(text, "<command-args>"); ok {
			t.input, _, _ = strings.Cut(args, "</command-args>")
		}
	}
}

// open notes a skill that holds until the next question. Saying it again, as the
// text of an opened skill does, changes nothing.
func (t *turn) open(name string, by By) {
	if name == "" || name == "." || name == "/" || slices.Contains(t.skills, name) {
		return
	}
	t.skills, t.by = append(t.skills, name), by
}

// of gives a call the skill that is open.
func (t *turn) of(c *Call) {
	switch len(t.skills) {
	case 0:
		c.Why = WhyNone
	case 1:
		c.Skill, c.By = t.skills[0], t.by
	default:
		c.Why = WhySeveral
	}
}

// spoken is the text of a message, and whether it is a tool's result.
func spoken(content json.RawMessage) (text string, result bool) {
	if json.Unmarshal(content, &text) == nil {
		return text, false
	}
	var parts []part
	if json.Unmarshal(content, &parts) != nil {
		return "", false
	}
	var b strings.Builder
	for _, p := range parts {
		switch p.Type {
		case "tool_result":
			return "", true
		case "text", "input_text", "output_text":
			b.WriteString(p.Text)
		}
	}
	return b.String(), false
}

// answer takes a line of an answer.
func (s *claude) answer(f *file, t *turn, l claudeLine) {
	c := Call{
		At: moment(l.Timestamp), Session: l.session(), Agent: l.agent(), Model: l.Message.Model, Provider: "anthropic",
		Turn: fmt.Sprint(t.number),
	}
	if u := l.Message.Usage; u != nil {
		c.Usage, c.Counted = u.tokens(), true
		if !credible(c.Usage) {
			f.unknown("assistant with impossible tokens")
			return
		}
	}
	if micro, ok := dollars(l.Cost); ok {
		c.Micro, c.Stated = micro, true
	}
	t.of(&c)
	by := s.look(&c, l.Message.Content, f.r.opts.Content)
	c.Amid, t.answered = t.amid, true
	if f.r.opts.Content && !c.Amid {
		f.text(&c.Input, t.input, &c.Cut)
	}
	// A gateway's log and a span know the answer by this id too.
	key := keyOf("answer", l.Message.ID)
	if l.Message.ID == "" {
		// Without an id an answer is its line, wherever that is copied to.
		key = keyOf(Claude, "", l.UUID, l.RequestID, string(l.Timestamp), fmt.Sprint(c.Usage), l.where())
	}
	if f.knows(key, &c) {
		f.count(&f.r.lines.Repeated)
	} else {
		f.put(key, c, openCalls, true)
	}
	// What an answer opens holds for the calls after it.
	for _, name := range c.Opened {
		t.open(name, by)
	}
}

// look reads the parts of an answer: text, tools, and skills that it opens.
func (s *claude) look(c *Call, content json.RawMessage, keep bool) (by By) {
	var parts []part
	if json.Unmarshal(content, &parts) != nil {
		return ""
	}
	for _, p := range parts {
		switch {
		case p.Type == "text" && keep:
			c.Output += p.Text
		case p.Type == "tool_use":
			c.Tools = append(c.Tools, p.Name)
			if name, how := opens(p); name != "" {
				c.Opened, by = append(c.Opened, name), how
			}
		}
	}
	return by
}

// opens is the skill that a tool's call opens, "" where it opens none.
func opens(p part) (string, By) {
	var in struct {
		Skill   string `json:"skill"`
		Command string `json:"command"`
		Path    string `json:"file_path"`
	}
	if json.Unmarshal(p.Input, &in) != nil {
		return "", ""
	}
	switch p.Name {
	case "Skill", "SlashCommand":
		if in.Skill == "" {
			in.Skill = in.Command
		}
		return skillName(in.Skill), ByTool
	case "Read":
		// Agents without a tool for skills read the file.
		return skillFile(in.Path), ByFile
	case "Bash":
		return skillIn(in.Command), ByFile
	}
	return "", ""
}

// skillName is the name in /NAME ARGUMENTS or PLUGIN:NAME.
func skillName(s string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(strings.TrimSpace(s), "/"), " ")
	return name[strings.LastIndexByte(name, ':')+1:]
}

// skillFile is the folder of a SKILL.md, which is what the skill is called.
func skillFile(p string) string {
	dir, file := path.Split(strings.ReplaceAll(p, `\`, "/"))
	if file != "SKILL.md" || dir == "" {
		return ""
	}
	if name := path.Base(dir); name != "." && name != "/" {
		return name
	}
	return ""
}

// skillIn finds the one SKILL.md that a command line reads; several are a search.
func skillIn(command string) string {
	const file = "/SKILL.md"
	before, after, ok := strings.Cut(command, file)
	if !ok || strings.Contains(after, file) {
		return ""
	}
	dir := before[strings.LastIndexAny(before, "/\\ \t\"'=(\n")+1:]
	if strings.ContainsAny(dir, "*?{}$[]<>|;&") || dir == "" || dir == "." || dir == ".." {
		return ""
	}
	return dir
}
