package transcript_test

import (
	"fmt"
	"io"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript/forge"
)

// log reads files in their order, and writes each call in short: skill or reason,
// model, prompt and output tokens.
func log(t *testing.T, o transcript.Options, files ...string) ([]string, transcript.Lines) {
	t.Helper()
	r := transcript.New(o)
	var out []string
	for i, src := range files {
		for _, c := range read(t, r, []byte(src), fmt.Sprint("file", i)) {
			what := c.Skill
			if what == "" {
				what = "(" + string(c.Why) + ")"
			}
			out = append(out, fmt.Sprintf("%s %s %s %d+%d", what, c.By, c.Model, c.Usage.Prompt(), c.Usage.Output))
		}
	}
	return out, r.Lines()
}

func assistant(session, agent, id, content string, in, out int) string {
	return fmt.Sprintf(`{"type":"assistant","sessionId":%q,"agentId":%q,"timestamp":"2026-06-01T09:00:00Z","requestId":"r","message":{"id":%q,"model":"m","content":[%s],"usage":{"input_tokens":%d,"output_tokens":%d}}}`+"\n", session, agent, id, content, in, out)
}

func user(session, agent, content string) string {
	return fmt.Sprintf(`{"type":"user","sessionId":%q,"agentId":%q,"timestamp":"2026-06-01T09:00:00Z","message":{"content":%q}}`+"\n", session, agent, content)
}

func token(session, at string, total, last int) string {
	u := func(n int) string { return fmt.Sprintf(`{"input_tokens":%d,"output_tokens":%d}`, n, n) }
	return fmt.Sprintf(`{"timestamp":%q,"type":"event_msg","payload":{"type":"token_count","info":{"total_token_usage":%s,"last_token_usage":%s}}}`+"\n", at, u(total), u(last))
}

func TestCases(t *testing.T) {
	skill := func(name string) string {
		return `{"type":"tool_use","name":"Skill","input":{"skill":"` + name + `"}}`
	}
	index := &transcript.Index{}
	index.Add("pdf", "")
	meta := func(id, forked string) string {
		return fmt.Sprintf(`{"timestamp":"2026-06-01T09:00:00Z","type":"session_meta","payload":{"id":%q,"forked_from_id":%q}}`+"\n", id, forked)
	}
	model := `{"timestamp":"2026-06-01T09:00:00Z","type":"turn_context","payload":{"model":"g"}}` + "\n"
	for name, x := range map[string]struct {
		files []string
		want  string
		check func(transcript.Lines) bool
	}{
		"a skill holds from the next call to the next question": {
			[]string{user("s", "", "do") + assistant("s", "", "1", skill("pdf"), 1, 1) + assistant("s", "", "2", "", 2, 2) + user("s", "", "more") + assistant("s", "", "3", "", 3, 3)},
			"(no skill was open)  m 1+1; pdf tool m 2+2; (no skill was open)  m 3+3", nil,
		},
		"two skills in one turn are told as such": {
			[]string{user("s", "", "do") + assistant("s", "", "1", skill("pdf")+","+skill("doc"), 1, 1) + assistant("s", "", "2", "", 2, 2)},
			"(no skill was open)  m 1+1; (several skills were open)  m 2+2", nil,
		},
		"a command that is no skill opens none": {
			[]string{user("s", "", "<command-name>/compact</command-name>") + assistant("s", "", "1", "", 1, 1) + user("s", "", "<command-name>/pdf</command-name>") + assistant("s", "", "2", "", 2, 2)},
			"(no skill was open)  m 1+1; pdf command m 2+2", nil,
		},
		"a sub-agent has skills of its own": {
			[]string{user("s", "", "do") + assistant("s", "", "1", skill("pdf"), 1, 1), user("s", "a1", "part") + assistant("s", "a1", "2", "", 2, 2)},
			"(no skill was open)  m 1+1; (no skill was open)  m 2+2", nil,
		},
		"the whole usage is that of the last line, wherever it stands": {
			[]string{assistant("s", "", "1", "", 7, 1) + user("s", "", "x") + assistant("s", "", "1", "", 7, 90)},
			"(no skill was open)  m 7+90", func(l transcript.Lines) bool { return l.Repeated == 1 },
		},
		"a session that was resumed is copied, not counted": {
			[]string{assistant("s", "", "1", "", 7, 1), assistant("new", "", "1", "", 7, 1) + assistant("new", "", "2", "", 8, 1)},
			"(no skill was open)  m 7+1; (no skill was open)  m 8+1", func(l transcript.Lines) bool { return l.Repeated == 1 },
		},
		"the printed stream has no times": {
			[]string{`{"type":"system","subtype":"init","session_id":"s"}` + "\n" + `{"type":"assistant","session_id":"s","message":{"id":"1","model":"m","usage":{"input_tokens":3,"output_tokens":1}}}` + "\n" + `{"type":"result","session_id":"s","usage":{"input_tokens":3}}`},
			"(no skill was open)  m 3+1", func(l transcript.Lines) bool { return l.Undated == 1 && l.Used == 0 },
		},
		"what the agent wrote itself is no call": {
			[]string{strings.Replace(assistant("s", "", "1", "", 0, 0), `"model":"m"`, `"model":"<synthetic>"`, 1)},
			"", func(l transcript.Lines) bool { return l.NoCall == 1 },
		},
		"tokens that nobody measured": {
			[]string{assistant("s", "", "1", "", -5, 1) + assistant("s", "", "2", "", 1, 1)},
			"(no skill was open)  m 1+1", func(l transcript.Lines) bool { return len(l.Unknown) == 1 },
		},
		"clocks that disagree are noted": {
			[]string{assistant("s", "", "1", "", 1, 1) + strings.Replace(assistant("s", "", "2", "", 1, 1), "2026-06-01T09:00", "2026-06-01T08:00", 1)},
			"(no skill was open)  m 1+1; (no skill was open)  m 1+1", func(l transcript.Lines) bool { return l.Backward == 1 },
		},
		"a broken first line loses nothing behind it": {
			[]string{`{"type":"assistant","message":{"content":[{"text":"ab` + "\n" + assistant("s", "", "1", "", 1, 1)},
			"(no skill was open)  m 1+1", func(l transcript.Lines) bool { return l.Broken == 1 },
		},
		"a fork of Codex begins with its parent's calls": {
			[]string{
				meta("p", "") + model + token("p", "2026-06-01T09:00:01Z", 10, 10) + token("p", "2026-06-01T09:00:02Z", 30, 20),
				meta("f", "p") + meta("p", "") + model + token("f", "2026-06-01T10:00:00Z", 10, 10) + token("f", "2026-06-01T10:00:00Z", 30, 20) + token("f", "2026-06-01T10:00:05Z", 35, 5),
			},
			"(no skill was open)  g 10+10; (no skill was open)  g 20+20; (no skill was open)  g 5+5", func(l transcript.Lines) bool { return l.Repeated == 2 },
		},
		"a sum that was begun anew": {
			[]string{meta("p", "") + model + token("p", "2026-06-01T09:00:01Z", 10, 10) + token("p", "2026-06-01T09:00:02Z", 4, 4)},
			"(no skill was open)  g 10+10; (no skill was open)  g 4+4", nil,
		},
		"one file may be of no shape, and the next is read": {
			[]string{"{\"hello\":1}\n{\"hello\":2}\n", assistant("s", "", "1", "", 1, 1)},
			"(no skill was open)  m 1+1", func(l transcript.Lines) bool { return l.Strange == 1 && l.Unknown["without a type"] == 2 },
		},
		"an answer in a transcript and in a gateway's log is one": {
			[]string{
				assistant("s", "", "msg_1", "", 7, 1),
				`{"timestamp":"2026-06-01T09:00:00Z","response":{"id":"msg_1","type":"message","role":"assistant","model":"m","usage":{"input_tokens":7,"output_tokens":1}}}` + "\n" +
					`{"timestamp":"2026-06-01T09:00:00Z","response":{"id":"msg_2","type":"message","role":"assistant","model":"m","usage":{"input_tokens":8,"output_tokens":1}}}` + "\n",
				assistant("s", "", "msg_2", "", 8, 1),
			},
			"(no skill was open)  m 7+1; (no skill was open)  m 8+1", func(l transcript.Lines) bool { return l.Repeated == 2 },
		},
		"a task that a runner gave the agent is a run already": {
			[]string{
				strings.ReplaceAll(user("s", "", "do"), `"type":"user"`, `"type":"user","cwd":"/tmp/plimsoll-task-12/work"`) + assistant("s", "", "1", "", 1, 1) + assistant("s", "", "1", "", 1, 2),
				strings.ReplaceAll(assistant("w", "", "2", "", 1, 1), `"type"`, `"cwd":"C:\\Temp\\plimsoll-task-9","type"`),
				strings.ReplaceAll(meta("p", ""), `"id"`, `"cwd":"/tmp/plimsoll-task-3","id"`) + model + token("p", "2026-06-01T09:00:01Z", 10, 10),
				strings.ReplaceAll(assistant("o", "", "3", "", 5, 5), `"type"`, `"cwd":"/home/my-plimsoll-task-notes","type"`),
			},
			"(no skill was open)  m 5+5", func(l transcript.Lines) bool { return l.Own == 4 && l.Used == 1 && l.Accounted() },
		},
		"a cost that the log states": {
			[]string{`{"timestamp":"2026-06-01T09:00:00Z","model":"m","usage":{"prompt_tokens":3,"completion_tokens":1},"response_cost":0.0000125}`},
			"(no skill was open)  m 3+1", nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, lines := log(t, transcript.Options{Skills: index}, x.files...)
			if s := strings.Join(got, "; "); s != x.want {
				t.Errorf("%s\nwant %s", s, x.want)
			}
			if x.check != nil && !x.check(lines) {
				t.Errorf("%+v", lines)
			}
		})
	}
}

// Secrets are kept nowhere: not in names, not in texts.
func TestSecrets(t *testing.T) {
	src := user(forge.Secret, "", "the key is "+forge.Secret) + assistant(forge.Secret, "", "1", `{"type":"text","text":"`+forge.Secret+`"},{"type":"tool_use","name":"`+forge.Secret+`"}`, 1, 1) +
		`{"type":"` + forge.Secret + `","sessionId":"s"}` + "\n"
	r := transcript.New(transcript.Options{Content: true})
	got := read(t, r, []byte(src), "f")
	if all := fmt.Sprintf("%+v %+v", got, r.Lines()); len(got) != 1 || strings.Contains(all, forge.Secret) || r.Lines().Redacted == 0 || !strings.Contains(got[0].Input, "the key is [redacted") {
		t.Errorf("%s", all)
	}
}

// A call of tomorrow and later is told, and a line beyond the bound is counted.
func TestFutureAndTooLong(t *testing.T) {
	_, lines := log(t, transcript.Options{Now: time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC)}, assistant("s", "", "1", "", 1, 1)+`{"x":"`+strings.Repeat("y", 33<<20)+"\"}\n"+assistant("s", "", "2", "", 1, 1))
	if lines.Future != 2 || lines.TooLong != 1 || lines.Used != 2 {
		t.Errorf("%+v", lines)
	}
}

// endless writes the same session over and over with other ids, as a file of n
// bytes would stand there.
type endless struct {
	left int64
	n    int
	text string
	buf  []byte
}

func (e *endless) Read(p []byte) (int, error) {
	if e.left <= 0 {
		return 0, io.EOF
	}
	if len(e.buf) == 0 {
		e.n++
		e.buf = []byte(user("s", "", e.text) + assistant("s", "", fmt.Sprint("m", e.n), `{"type":"text","text":"`+e.text+`"}`, 100, 10))
	}
	n := copy(p, e.buf)
	e.buf, e.left = e.buf[n:], e.left-int64(n)
	return n, nil
}

// Memory does not grow with a file beyond what tells repeated calls.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("reads 96 MiB")
	}
	r := transcript.New(transcript.Options{})
	calls := 0
	var most uint64
	var m runtime.MemStats
	err := r.Read(&endless{left: 96 << 20, text: strings.Repeat("lorem ipsum ", 800)}, "f", func(transcript.Call) error {
		if calls++; calls%1000 == 0 {
			runtime.GC()
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
		return nil
	})
	if err != nil || calls < 4000 || most > 24<<20 {
		t.Errorf("%d calls, %d MiB held: %v", calls, most>>20, err)
	}
}

func BenchmarkRead(b *testing.B) {
	for _, shape := range shapes {
		b.Run(shape, func(b *testing.B) {
			list, index := skills()
			var src strings.Builder
			if _, err := forge.Write(&src, forge.Options{Shape: shape, Seed: 1, Calls: 500, Skills: list, Models: []string{"m"}, Bulk: 4000}); err != nil {
				b.Fatal(err)
			}
			b.SetBytes(int64(src.Len()))
			for b.Loop() {
				r := transcript.New(transcript.Options{Skills: index, Mapping: forge.Mapping()})
				if err := r.Read(strings.NewReader(src.String()), "f", func(transcript.Call) error { return nil }); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
