package evolve_test

import (
	"bytes"
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/plimsoll-dev/plimsoll/core/run"
	"github.com/plimsoll-dev/plimsoll/core/verdict"
	"github.com/plimsoll-dev/plimsoll/sdk/message"
)

// deaf is a court whose judge stops answering in the planted arm.
type deaf struct {
	*court
	hears int // so many damaged outputs; below 0 all
	fails *run.CallError
	asked int
}

func (o *deaf) Generate(ctx context.Context, backend string, req message.Request) (message.Response, bool, error) {
	if strings.HasPrefix(req.Idempotency, "planted-") {
		if o.asked++; o.hears >= 0 && o.asked > o.hears {
			return message.Response{}, false, o.fails
		}
	}
	return o.court.Generate(ctx, backend, req)
}

// likes prefers the work that answers the input's question.
func likes(req message.Request) message.Response {
	user := req.Messages[1].String()
	n := user[strings.Index(user, "question ")+len("question "):]
	n = n[:strings.IndexByte(n, '\n')]
	word := "same"
	if first, second := strings.Index(user, "answer "+n+"\n"), strings.LastIndex(user, "answer "+n+"\n"); first >= 0 && first == second {
		word = "second"
		if first < strings.LastIndex(user, "answer ") {
			word = "first"
		}
	}
	return message.Response{Message: message.Text(message.Assistant, `{"better": {"right": "`+word+`"}}`), Finish: message.FinishStop, Model: "judge-2026"}
}

// A judge that is down while damaged outputs are scored has not overlooked them: the
// arm is made another night, and lines of it that were lost are made again.
func TestAnOutageOfTheJudgeIsNoUnseenDamage(t *testing.T) {
	for name, pairwise := range map[string]bool{"scores": false, "compares": true} {
		t.Run(name, func(t *testing.T) {
			answer, price := fair, int64(3_100)
			if pairwise {
				answer, price = likes, 2*3_100 // asked in both orders
			}
			d, c := newCourt(t, answer)
			o := &deaf{court: c, hears: 4, fails: &run.CallError{Code: "auth", Message: "the key has expired"}}
			d.bench.Runs.Models = o
			s := judgedSubject(t, 80)
			s.Jury.Pairwise = pairwise
			res, err := d.bench.Measure(t.Context(), s, noLimit)
			if err != nil {
				t.Fatal(err)
			}
			if res.Assessment.Test.Outcome != verdict.Proved || res.Assessment.Planted.Items != 0 || res.Record.Decision != verdict.Hold || !strings.Contains(res.Stopped, "the key has expired") {
				t.Fatalf("%q with %d planted, stopped because %q", res.Assessment.Test.Outcome, res.Assessment.Planted.Items, res.Stopped)
			}
			if want := res.Money.Spent + 4*3_100; res.Spent != want {
				t.Errorf("spent %d, want %d: what was scored before the outage was paid for", res.Spent, want)
			}

			o.hears = -1
			if res, err = d.bench.Measure(t.Context(), s, noLimit); err != nil || res.Assessment.Planted.Items != 30 || !res.Assessment.Planted.Seen {
				t.Fatalf("after the outage: %+v, %v", res.Assessment.Planted, err)
			}

			whole := d.files.src["quiz"]
			var torn []byte
			left := 0
			for line := range bytes.Lines(whole) {
				if bytes.Contains(line, []byte(`"kind":"planted"`)) {
					if left++; left > 2 {
						continue
					}
				}
				torn = append(torn, line...)
			}
			d.files.src["quiz"] = torn
			if res, err = d.bench.Measure(t.Context(), s, noLimit); err != nil || res.Assessment.Planted.Items != 30 || res.Spent != 28*price {
				t.Fatalf("lines lost: %+v for %d, %v", res.Assessment.Planted, res.Spent, err)
			}
			for place := range 30 {
				if n := bytes.Count(d.files.src["quiz"], fmt.Appendf(nil, `"order":%d,`, place)); n != 2 {
					t.Errorf("%d lines are of place %d", n, place)
				}
			}
		})
	}
}

// A filter that refuses a damaged output refuses it every night: that is the
// judge's last word.
func TestADamagedOutputThatAJudgeRefusesCounts(t *testing.T) {
	d, c := newCourt(t, fair)
	d.bench.Runs.Models = &deaf{court: c, fails: &run.CallError{Code: "content_policy", Message: "no"}}
	res, err := d.bench.Measure(t.Context(), judgedSubject(t, 80), noLimit)
	if err != nil {
		t.Fatal(err)
	}
	if p := res.Assessment.Planted; p.Items != 30 || p.Seen {
		t.Fatalf("%+v", p)
	}
}
