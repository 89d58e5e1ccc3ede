package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// page is what the page of judge label is told.
type page struct {
	Of, Done int
	Question *struct {
		ID    string
		Works []struct{ Raw string }
	}
}

// ask sends what the page sends.
func ask(t *testing.T, url, what, id, answer string) page {
	t.Helper()
	body, err := json.Marshal(map[string]string{"id": id, "answer": answer})
	if err != nil {
		t.Fatal(err)
	}
	r, err := http.NewRequest("POST", url+what, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Origin", url[:strings.Index(url[len("http://"):], "/")+len("http://")])
	resp, err := http.DefaultClient.Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var out page
	if err := json.NewDecoder(resp.Body).Decode(&out); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%s: %s, %v", what, resp.Status, err)
	}
	return out
}

// labelling starts judge label and gives its page's address, and a function that
// waits for its end and gives what it printed.
func labelling(t *testing.T, dir string, args ...string) (url string, end func() string) {
	t.Helper()
	cmd := exec.Command(plimsoll(t), append([]string{"-C", dir, "judge", "label"}, args...)...)
	cmd.Env = append(os.Environ(), "NO_COLOR=1")
	var out bytes.Buffer
	cmd.Stdout = &out
	said, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	killer := time.AfterFunc(time.Minute, func() { _ = cmd.Process.Kill() })
	lines := bufio.NewScanner(said)
	var all []string
	for lines.Scan() {
		all = append(all, lines.Text())
		if u, ok := strings.CutPrefix(lines.Text(), "Open "); ok {
			url = u
			break
		}
	}
	if url == "" {
		t.Fatalf("no page opened: %v\n%s", cmd.Wait(), strings.Join(all, "\n"))
	}
	return url, func() string {
		for lines.Scan() {
		}
		if err := cmd.Wait(); err != nil {
			t.Errorf("judge label ended with %v", err)
		}
		killer.Stop()
		return out.String()
	}
}

// From a night to labels to a calibration: a person answers on the page, goes away,
// comes back, and the command that the page ends with takes the file.
func TestLabelThenCalibrate(t *testing.T) {
	dir := judgedProject(t, "0.02", "")
	night(t, dir, "nightly")
	url, end := labelling(t, dir, "--prove", "--n", "12", "--again", "4")
	good := func(w string) bool { return strings.Contains(w, "reeting") }
	first := ask(t, url, "undo", "", "")
	if first.Of != 15 || first.Done != 0 || first.Question == nil {
		t.Fatalf("%+v", first)
	}
	for _, w := range first.Question.Works {
		if strings.Contains(w.Raw, "sim-") {
			t.Errorf("the page is told who wrote what: %s", w.Raw)
		}
	}
	state := first
	for range 6 {
		answer := "neither"
		if good(state.Question.Works[0].Raw) && good(state.Question.Works[1].Raw) {
			answer = "same"
		}
		state = ask(t, url, "answer", state.Question.ID, answer)
	}
	ask(t, url, "end", "", "")
	if out := end(); !strings.Contains(out, "6 of 15 questions answered, 6 of them now.") || !strings.Contains(out, "Next: plimsoll -C "+dir+" judge calibrate house --labels ") {
		t.Errorf("it ends with\n%s", out)
	}
	url, end = labelling(t, dir, "greet", "--prove", "--n", "12", "--again", "4", "--json")
	state = ask(t, url, "undo", "", "") // nothing of this session
	if state.Done != 6 || state.Question == nil {
		t.Fatalf("the second session begins with %+v", state)
	}
	for state.Question != nil {
		state = ask(t, url, "answer", state.Question.ID, "same")
	}
	ask(t, url, "end", "", "")
	var doc struct {
		Next   string
		File   string
		Labels struct{ Of, Done, Fresh, Twice int }
	}
	if out := end(); json.Unmarshal([]byte(out), &doc) != nil || doc.Labels.Done != 15 || doc.Labels.Fresh != 9 || doc.Labels.Twice != 3 {
		t.Errorf("as JSON: %s", out)
	}
	// The command that it names takes the file.
	args := strings.Fields(doc.Next)
	if len(args) < 4 || args[0] != "plimsoll" || args[len(args)-1] != "--random" {
		t.Fatalf("it says to go on with %q", doc.Next)
	}
	out := night(t, dir, args[3:]...)
	for _, want := range []string{"24 labels added to judges/house.jsonl", "The judge was asked about 24 outputs", "Of 6 outputs that a person marked a second time", "Warning: 12 labelled inputs are among the items that greet is to be proved with"} {
		if !strings.Contains(out, want) {
			t.Errorf("calibrate does not say %q:\n%s", want, out)
		}
	}
	if file, err := os.ReadFile(filepath.Join(dir, "judges", "house.jsonl")); err != nil || strings.Contains(string(file), "reeting") {
		t.Errorf("%v, or the labels in the repository hold content", err)
	}
}
