package transcript_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/adopt/transcript"
)

// What was asked is kept where it is the whole task: the first message of a
// conversation, and the only one before its answer.
func TestInputs(t *testing.T) {
	index := &transcript.Index{}
	index.Add("pdf", "")
	ask := func(text string) string { return user("s", "", text) }
	said := func(id string) string { return assistant("s", "", id, "", 1, 1) }
	meta := `{"timestamp":"2026-06-01T09:00:00Z","type":"session_meta","payload":{"id":"c"}}` + "\n"
	event := func(kind, text string) string {
		return fmt.Sprintf(`{"timestamp":"2026-06-01T09:00:00Z","type":"event_msg","payload":{"type":%q,"message":%q}}`+"\n", kind, text)
	}
	chat := func(id, messages string) string {
		return fmt.Sprintf(`{"timestamp":"2026-06-01T09:00:00Z","request":{"model":"m","messages":[%s]},"response":{"id":%q,"model":"m","usage":{"prompt_tokens":1,"completion_tokens":1}}}`+"\n", messages, id)
	}
	span := func(id, messages string) string {
		return fmt.Sprintf(`{"traceId":"t","spanId":%q,"startTimeUnixNano":"1780000000000000000","attributes":{"gen_ai.operation.name":"chat","gen_ai.request.model":"m","gen_ai.usage.input_tokens":1,"gen_ai.input.messages":%q}}`+"\n", id, messages)
	}
	for name, x := range map[string]struct{ src, want string }{
		"the first turn, not the next":         {ask("do") + said("1") + ask("yes, go on") + said("2"), "do|-"},
		"two messages before an answer":        {ask("do") + ask("and that") + said("1"), "-"},
		"a command of the agent is no message": {ask("<command-name>/clear</command-name>") + ask("do") + said("1"), "do"},
		"a skill's command":                    {ask("<command-name>/pdf</command-name><command-args>x</command-args>") + said("1"), "x"},
		"an unknown command":                   {ask("<command-name>/fix</command-name><command-args>x</command-args>") + said("1"), "-"},
		"behind a summary":                     {strings.Replace(ask("what was"), `"type":"user"`, `"type":"user","isCompactSummary":true`, 1) + ask("go on") + said("1"), "-"},
		"its beginning stands in another file": {strings.Replace(ask("go on"), `"type":"user"`, `"type":"user","uuid":"b","parentUuid":"a"`, 1) + said("1"), "-"},
		"a sub-agent's task":                   {ask("do") + said("1") + user("s", "a1", "part") + assistant("s", "a1", "2", "", 1, 1), "do|part"},
		"Codex":                                {meta + event("task_started", "") + event("user_message", "do") + token("c", "2026-06-01T09:00:01Z", 1, 1) + event("task_started", "") + event("user_message", "go on") + token("c", "2026-06-01T09:00:02Z", 2, 1), "do|-"},
		"Codex, older":                         {meta + event("user_message", "do") + token("c", "2026-06-01T09:00:01Z", 1, 1) + event("user_message", "go on") + token("c", "2026-06-01T09:00:02Z", 2, 1), "do|-"},
		"Codex, two messages":                  {meta + event("user_message", "do") + event("user_message", "and that") + token("c", "2026-06-01T09:00:01Z", 1, 1), "-"},
		"requests": {
			chat("1", `{"role":"system","content":"be"},{"role":"user","content":"do"}`) + chat("2", `{"role":"user","content":"do"},{"role":"assistant","content":"ok"},{"role":"user","content":"go on"}`) +
				chat("3", `{"role":"user","content":"do"},{"role":"user","content":"and"}`), "do|-|-",
		},
		"spans": {
			span("1", `[{"role":"user","content":"do"}]`) + span("2", `[{"role":"user","content":"do"},{"role":"assistant","content":"ok"},{"role":"user","content":"go on"}]`) + span("3", "plain"), "do|-|plain",
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range read(t, transcript.New(transcript.Options{Skills: index, Content: true}), []byte(x.src), "f") {
				switch {
				case c.Amid != (c.Input == ""):
					t.Errorf("%+v", c)
				case c.Amid:
					got = append(got, "-")
				default:
					got = append(got, c.Input)
				}
			}
			if s := strings.Join(got, "|"); s != x.want {
				t.Errorf("%s, want %s", s, x.want)
			}
		})
	}
}
