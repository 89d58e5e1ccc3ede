package embed

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

func TestVectorsComeInTheOrderOfTheTexts(t *testing.T) {
	var asked, key string
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		asked, key = string(b), r.Header.Get("Authorization")
		io.WriteString(w, `{"data":[{"index":1,"embedding":[0,1]},{"index":0,"embedding":[1,0]}]}`)
	}))
	defer s.Close()
	c := &Client{HTTP: s.Client(), URL: s.URL + "/v1/embeddings", Model: "m", Key: "k"}
	got, err := c.Embed(context.Background(), []string{"a", "b"})
	if err != nil || len(got) != 2 || got[0][0] != 1 || got[1][1] != 1 {
		t.Fatalf("%v %v", got, err)
	}
	if !strings.Contains(asked, `"input":["a","b"]`) || !strings.Contains(asked, `"model":"m"`) || key != "Bearer k" {
		t.Errorf("asked %s with %q", asked, key)
	}
}

func TestBadAnswersAreErrorsWithoutSecrets(t *testing.T) {
	for name, answer := range map[string]func(w http.ResponseWriter){
		"status":  func(w http.ResponseWriter) { http.Error(w, "sk-secret", 500) },
		"no json": func(w http.ResponseWriter) { io.WriteString(w, "<html>sk-secret") },
		"too few": func(w http.ResponseWriter) { io.WriteString(w, `{"data":[{"index":0,"embedding":[1]}]}`) },
		"twice": func(w http.ResponseWriter) {
			io.WriteString(w, `{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}`)
		},
		"outside": func(w http.ResponseWriter) {
			io.WriteString(w, `{"data":[{"index":0,"embedding":[1]},{"index":7,"embedding":[1]}]}`)
		},
		"empty": func(w http.ResponseWriter) {
			io.WriteString(w, `{"data":[{"index":0,"embedding":[1]},{"index":1,"embedding":[]}]}`)
		},
		"bad float": func(w http.ResponseWriter) {
			io.WriteString(w, `{"data":[{"index":0,"embedding":["x"]},{"index":1,"embedding":[1]}]}`)
		},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w) }))
		c := &Client{HTTP: s.Client(), URL: s.URL + "/?key=sk-secret", Model: "m", Key: "sk-secret"}
		got, err := c.Embed(context.Background(), []string{"the text", "b"})
		s.Close()
		if err == nil {
			t.Errorf("%s: no error but %v", name, got)
		} else if strings.Contains(err.Error(), "sk-secret") || strings.Contains(err.Error(), "the text") {
			t.Errorf("%s: the error has what it must not have: %v", name, err)
		}
	}
}

func TestNoServerIsAnErrorWithoutTheKey(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for _, c := range []*Client{
		{HTTP: http.DefaultClient, URL: s.URL + "?key=sk-secret", Model: "m"},
		{URL: s.URL, Model: "m"},
		{HTTP: http.DefaultClient, URL: s.URL},
		{HTTP: http.DefaultClient, URL: "://sk-secret", Model: "m"},
	} {
		if _, err := c.Embed(ctx, []string{"a"}); err == nil || strings.Contains(err.Error(), "sk-secret") {
			t.Errorf("%+v: %v", c, err)
		}
	}
}
