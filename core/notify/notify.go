// Package notify sends messages to URLs that a project declares: signed after
// Standard Webhooks, tried again with growing pauses, given up after three days.
//
// What is to be sent lies in an outbox in the store, put there in the same
// commit as what it tells of. So it survives a crash, and is sent at least once,
// always under the same id. The package sends to declared targets alone, follows
// no redirect, uses no proxy, and keeps no URL and no secret in the store.
//
//	puts, err := notify.Puts("default", map[string]string{"team": "json"}, message, seed, now) // into the batch
//	box := notify.Outbox{Store: db, Scope: "default", Targets: targets, Now: clock, Send: notify.Client(nil)}
//	done, err := box.Deliver(ctx)
//	if done.Left > 0 {
//		// done.Next is when to come back
//	}
//
// Source of the headers and of the signature: github.com/standard-webhooks,
// spec/standard-webhooks.md.
package notify

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/plimsoll-dev/plimsoll/core/store"
)

// Version of the JSON body.
const Version = 1

// Target is where messages go.
type Target struct {
	Name   string
	URL    string
	Secret string // the secret itself, "whsec_" and base64; "" does not sign
	Format string // "json" or "text"
	// Broken says why nothing can be sent now, such as a variable that is not
	// set; messages wait then.
	Broken string
}

// Message is what happened.
type Message struct {
	Event     string    // "moved", "escalated", "problem", "night", "test"
	At        time.Time // when it happened
	Project   string
	Text      string         // for people: one line, or a few
	Simulated bool           // of simulated models: every form of the message says so
	Data      map[string]any // for programs
}

// id is the same for every attempt, and for a message that is posted twice after
// a crash. seed makes messages differ that say the same.
func (m Message) id(target, seed string) string {
	sum := sha256.Sum256([]byte(target + "\x00" + m.Event + "\x00" + m.At.UTC().Format(time.RFC3339Nano) + "\x00" + seed + "\x00" + m.Text))
	return "msg_" + hex.EncodeToString(sum[:13])
}

// body in a target's format, JSON in both.
func (m Message) body(format, id string) ([]byte, error) {
	text := m.Text
	if m.Simulated {
		text += " (simulated models)"
	}
	if format == "text" {
		return json.Marshal(map[string]string{"text": "plimsoll, " + m.Project + ": " + text})
	}
	doc := map[string]any{
		"version": Version, "id": id, "type": "plimsoll." + m.Event, "timestamp": m.At.UTC().Format(time.RFC3339),
		"project": m.Project, "text": text, "simulated": m.Simulated, "data": m.Data,
	}
	if m.Data == nil {
		doc["data"] = map[string]any{}
	}
	return json.Marshal(doc)
}

// letter is a message in the outbox. Its bytes are fixed when it is put there:
// every attempt sends the same.
type letter struct {
	ID       string    `json:"id"`
	Event    string    `json:"event"`
	At       time.Time `json:"at"` // when it was posted
	Body     []byte    `json:"body"`
	Attempts int       `json:"attempts,omitempty"`
	Next     time.Time `json:"next,omitzero"`
	Why      string    `json:"why,omitempty"` // of the last failure
}

const schema = 1

// maxBody is far above what a night of a thousand skills has to say.
const maxBody = 256 << 10

// Puts are the changes of the store that post a message at a time by the clock,
// which is another than the message's where decisions are made as of a day that
// is gone. formats are by target. seed tells two messages apart that happened at
// once and say the same.
func Puts(scope string, formats map[string]string, m Message, seed string, now time.Time) ([]store.Put, error) {
	var puts []store.Put
	for _, name := range slices.Sorted(maps.Keys(formats)) {
		id := m.id(name, seed)
		body, err := m.body(formats[name], id)
		if err == nil && len(body) > maxBody {
			short := m
			short.Data = map[string]any{"cut": fmt.Sprintf("the details had %d bytes, at most %d are sent", len(body), maxBody)}
			if len(short.Text) > 4096 {
				short.Text = short.Text[:4096] + " ..."
			}
			body, err = short.body(formats[name], id)
		}
		if err != nil {
			return nil, fmt.Errorf("writing a message for %s: %w", name, err)
		}
		l := letter{ID: id, Event: m.Event, At: now.UTC(), Body: body}
		put, err := l.put(scope, name)
		if err != nil {
			return nil, err
		}
		puts = append(puts, put)
	}
	return puts, nil
}

func (l letter) put(scope, target string) (store.Put, error) {
	raw, err := json.Marshal(l)
	if err != nil {
		return store.Put{}, fmt.Errorf("writing a message for %s: %w", target, err)
	}
	return store.Put{Key: l.key(scope, target), Value: store.Seal(schema, raw)}, nil
}

func (l letter) key(scope, target string) []byte {
	return store.Key(store.TableOutbox, scope, target, store.At(l.At), l.ID)
}
